"""The registry and the host with a clock beside them: every call passes through and is counted.

The engine and the agent know nothing of metrics: what they do is seen here, at what they do it with.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any, TypeVar, cast

from agent.errors import HostError
from agent.host import Host
from fleetd.hurry import hurried
from fleetd.losses import Losses
from fleetd.metrics import Metrics
from registry.errors import RegistryError
from registry.port import Displace, EngineWrite, Leadership, Place, Registry, Scope, Session, View
from registry.records import Job, Leader, Picture, Verdict
from units.file import UnitFile
from units.machine import Machine

T = TypeVar("T")

_TASKS = {Place: "attemptscheduleunit", Displace: "unscheduleunit"}
"""What fleet 1.0 called those writes of the engine that it counted."""


class Lead:
    """Whether this daemon leads."""

    def __init__(self) -> None:
        self.now = False
        self.on_change: Callable[[], None] = lambda: None

    @contextmanager
    def held(self) -> Iterator[None]:
        """While this lasts, it leads."""
        self.now = True
        self.on_change()
        try:
            yield
        finally:
            self.now = False
            self.on_change()


class ObservedRegistry:
    """See `registry.port.Registry`."""

    def __init__(self, inner: Registry, metrics: Metrics, lead: Lead, *, limit: float | None = None) -> None:
        """`limit`: the seconds that one call may take; Unavailable after them."""
        self._inner = inner
        self._metrics = metrics
        self._lead = lead
        self._limit = limit

    @property
    def steady_since(self) -> float:
        return self._inner.steady_since

    def follow(self, scope: Scope) -> AbstractAsyncContextManager[View]:
        return self._inner.follow(scope)

    def join(
        self, machine: Machine, *, ttl: float, resume: str | None = None
    ) -> AbstractAsyncContextManager[Session]:
        return self._inner.join(machine, ttl=ttl, resume=resume)

    @asynccontextmanager
    async def campaign(self, leader: Leader, *, ttl: float) -> AsyncIterator[Leadership]:
        async with self._inner.campaign(leader, ttl=ttl) as leadership:
            self._metrics.leader_since = time.time()
            with self._lead.held():
                yield _ObservedLeadership(leadership, self._metrics)

    async def job(self, name: str) -> Job | None:
        async with self._timed("get"):
            return await self._inner.job(name)

    async def verdict(self, name: str) -> Verdict | None:
        async with self._timed("get"):
            return await self._inner.verdict(name)

    async def unit_file(self, hash: str) -> UnitFile | None:
        async with self._timed("get"):
            return await self._inner.unit_file(hash)

    async def save(self, job: Job, file: UnitFile | None, *, seen: Job | None) -> int:
        async with self._timed("set"):
            return await self._inner.save(job, file, seen=seen)

    async def destroy(self, seen: Job) -> int:
        async with self._timed("set"):
            return await self._inner.destroy(seen)

    async def clear(self, name: str) -> bool:
        async with self._timed("set"):
            return await self._inner.clear(name)

    async def set_metadata(self, machine: str, values: Mapping[str, str]) -> int:
        async with self._timed("set"):
            return await self._inner.set_metadata(machine, values)

    async def close(self) -> None:
        await self._inner.close()

    @asynccontextmanager
    async def _timed(self, kind: str) -> AsyncIterator[None]:
        metrics, clock = self._metrics, asyncio.get_running_loop().time
        began = clock()
        metrics.registry_calls.add(kind)
        try:
            async with hurried(self._limit):
                yield
        except RegistryError:
            metrics.registry_failures.add(kind)
            raise
        finally:
            metrics.registry_seconds.note(clock() - began, kind)


class _ObservedLeadership:
    """See `registry.port.Leadership`."""

    def __init__(self, inner: Leadership, metrics: Metrics) -> None:
        self._inner = inner
        self._metrics = metrics

    async def commit(self, writes: Sequence[EngineWrite]) -> int:
        kinds = [_TASKS[type(write)] for write in writes if type(write) in _TASKS]
        try:
            revision = await self._inner.commit(writes)
        except RegistryError:
            for kind in kinds:
                self._metrics.engine_task_failures.add(kind)
                self._metrics.engine_failures.add("schedule")
            raise
        for kind in kinds:
            self._metrics.engine_tasks.add(kind)
        return revision

    async def wait_lost(self) -> None:
        await self._inner.wait_lost()

    async def resign(self) -> None:
        await self._inner.resign()


class EnginesRegistry(ObservedRegistry):
    """See `registry.port.Registry`, for the engine: counts its passes, and how long lost units stay away."""

    @asynccontextmanager
    async def follow(self, scope: Scope) -> AsyncIterator[View]:
        async with self._inner.follow(scope) as view:
            yield _EnginesView(view, self._metrics)


class _EnginesView:
    """See `registry.port.View`. A pass of the engine looks at one picture."""

    def __init__(self, inner: View, metrics: Metrics) -> None:
        self._inner = inner
        self._metrics = metrics
        self._losses = Losses(inner.picture)

    @property
    def picture(self) -> Picture:
        self._metrics.engine_reconciles.add()
        return self._seen(self._inner.picture)

    async def after(self, seen: Picture) -> Picture:
        return self._seen(await self._inner.after(seen))

    async def fresh(self) -> Picture:
        return self._seen(await self._inner.fresh())

    async def reached(self, revision: int) -> Picture:
        return self._seen(await self._inner.reached(revision))

    def _seen(self, picture: Picture) -> Picture:
        for seconds in self._losses.look(picture, asyncio.get_running_loop().time()):
            self._metrics.loss_to_restart.note(seconds)
        return picture


_TIMED = frozenset({"load", "start", "stop", "unload", "present", "states", "facts"})


def observed_host(inner: Host, metrics: Metrics) -> Host:
    """The same host; how long its verbs take is counted."""
    return cast(Host, _ObservedHost(inner, metrics))


class _ObservedHost:
    """Stands before a host, whatever its verbs are by now: most of them pass through as they are."""

    def __init__(self, inner: Host, metrics: Metrics) -> None:
        self._inner = inner
        self._metrics = metrics

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._inner, name)
        return self._timed(name, verb) if name in _TIMED else verb

    def _timed(self, kind: str, verb: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
        async def timed(*words: Any, **options: Any) -> T:
            metrics, clock = self._metrics, asyncio.get_running_loop().time
            began = clock()
            metrics.host_calls.add(kind)
            try:
                return await verb(*words, **options)
            except HostError:
                metrics.host_failures.add(kind)
                raise
            finally:
                metrics.host_seconds.note(clock() - began, kind)

        return timed
