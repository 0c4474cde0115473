"""The API's work done on the registry itself, for `--driver=etcd`: no daemon is needed.

Rule 1: the answers are those that a daemon of this version gives; what only its planner knows is refused.
Rule 2: the registry lives in a thread of its own; every call ends within about the request timeout.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import replace
from typing import Any, TypeVar

from fleetctl.api import Event, Metadata
from fleetctl.entities import Json, Machine, Setting, State, Unit
from fleetctl.errors import ApiError, BadEndpoint, Unreachable, Unsupported
from fleetctl.output import complain, log_line
from fleetctl.settings import Settings
from fleetctl.store import store_settings
from registry.checkup import Seen, checkup
from registry.errors import Conflict, RegistryError
from registry.explanation import explanation, whereabouts
from registry.health import health
from registry.open import BadSettings, open_registry
from registry.open import Settings as StoreSettings
from registry.port import Everything, Registry, View
from registry.records import Job, Picture
from registry.states import full_states, states_of, with_states
from units.file import InvalidUnitFile, Option, UnitFile
from units.requirements import Requirements
from units.state import TargetState

T = TypeVar("T")

LIMIT = 2
"""Request timeouts until a call is given up without a reason: normally the registry has one after one."""
ATTEMPTS = 10
"""How often a write is tried anew when others change the same unit meanwhile."""


OLD_API = 2
"""The version of etcd's API in which fleet 1.0 has its clusters."""


def opened(settings: Settings, *, guess: bool) -> Direct:
    """The registry that the settings name. Raises BadEndpoint.

    With `guess`, and no version of etcd's API given, a cluster of fleet 1.0 is found where there is no other:
    its scripts know of no version.
    """
    direct = _opened(settings, settings.etcd_api)
    if guess and "etcd_api" not in settings.given and not direct.has_cluster():
        direct = _older(settings, direct)
    _check_version(direct)
    return direct


def _opened(settings: Settings, version: int) -> Direct:
    with ExitStack() as ways:
        wanted = store_settings(settings, version=version, ways=ways)
        try:
            direct = Direct(open_registry(wanted), wanted)
        except BadSettings as error:
            raise BadEndpoint(str(error)) from error
        direct.ways = ways.pop_all()
    return direct


def _older(settings: Settings, newer: Direct) -> Direct:
    """The cluster of fleet 1.0 in the same etcd if there is one, or else that which is empty."""
    older = _opened(settings, OLD_API)
    chosen, other = (older, newer) if older.has_cluster() else (newer, older)
    other.close()
    return chosen


def _check_version(direct: Direct) -> None:
    """Warn if a daemon of the cluster is newer than this fleetctl (as fleet 1.0, with this driver alone)."""
    from fleetctl.help import version
    from fleetctl.versions import warning

    try:
        said = warning(version(), direct.versions())
    except Unreachable as error:
        log_line("ERROR", f"error attempting to check latest fleet version in Registry: {error}")
        return
    if said:
        complain(said)


class Direct:
    """See `fleetctl.api.Api`: the same verbs on a registry."""

    def __init__(self, registry: Registry, store: StoreSettings) -> None:
        logging.getLogger("registry").addHandler(logging.NullHandler())  # what matters is said by the errors
        self._registry = registry
        self._store = store
        self._timeout = store.request_timeout
        self.ways = ExitStack()
        """What leads to the servers; closed last."""
        self._loop = asyncio.new_event_loop()
        self._view: View | None = None
        self._stack = AsyncExitStack()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def machines(self) -> tuple[Machine, ...]:
        found = self._picture().machines
        return tuple(Machine(id, found[id].ip, found[id].metadata) for id in sorted(found))

    def versions(self) -> list[str]:
        """The versions of the daemons. Raises Unreachable."""
        return [machine.version for machine in self._picture().machines.values()]

    def has_cluster(self) -> bool:
        """Whether there are machines or units, as far as can be seen."""
        try:
            picture = self._picture()
        except Unreachable:
            return False
        return bool(picture.machines or picture.jobs)

    def units(self) -> tuple[Unit, ...]:
        picture = self._picture()
        return tuple(
            _unit(picture, job) for _, job in sorted(picture.jobs.items()) if job.hash in picture.files
        )

    def unit(self, name: str) -> Unit | None:
        picture = self._picture()
        job = picture.jobs.get(name)
        return _unit(picture, job) if job is not None and job.hash in picture.files else None

    def states(self, unit: str = "", *, full: bool = False) -> tuple[State, ...]:
        picture = self._picture()
        told = states_of(picture, unit) if unit else full_states(picture)
        states = (State.from_json(said) for said in told)
        return tuple(state for state in states if full or state.is_known)

    def create(self, name: str, settings: Iterable[Setting], desired: str = "") -> None:
        try:
            file = UnitFile.from_options([Option(s.section, s.name, s.value) for s in settings])
        except InvalidUnitFile as error:
            raise ApiError(400, str(error)) from error
        state = TargetState.parse(desired or "inactive")
        is_global = Requirements.of(name, file.options).is_global
        self._change(name, lambda seen: (Job(name, file.hash, state, is_global), file))

    def set_desired(self, name: str, desired: str) -> None:
        self._change(name, lambda seen: (replace(_existing(seen), desired=TargetState.parse(desired)), None))

    def destroy(self, name: str) -> bool:
        return self._call(self._destroyed(name))

    def why(self, name: str) -> Json | None:
        picture = self._picture()
        if (job := picture.jobs.get(name)) is None:
            return None
        told = explanation(picture, job, self._call(self._registry.verdict(name)))
        return with_states(told, states_of(picture, name))

    def plan(self, change: Json) -> Json:
        raise Unsupported("with --driver=etcd there is no planner: ask a daemon (leave out --driver)")

    def metadata(self) -> Metadata:
        return self._picture().dynamic

    def set_metadata(self, machine: str, values: Mapping[str, str]) -> None:
        self._call(self._registry.set_metadata(machine, values))

    def doctor(self) -> Json:
        picture = self._picture()
        servers = asyncio.run_coroutine_threadsafe(health(self._store), self._loop).result()
        return checkup(Seen(picture, servers, time.time()))

    def events(self, since: str) -> Iterator[Event]:
        raise Unsupported("with --driver=etcd lists are looked at again and again")

    def close(self) -> None:
        async def closed() -> None:
            await self._stack.aclose()
            await self._registry.close()

        with suppress(TimeoutError, RegistryError):  # nothing depends on it: the command has ended
            asyncio.run_coroutine_threadsafe(closed(), self._loop).result(self._timeout)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(1)
        if not self._thread.is_alive():
            self._loop.close()
        self.ways.close()

    def _picture(self) -> Picture:
        return self._call(self._fresh())

    async def _fresh(self) -> Picture:
        if self._view is None:
            await self._registry.job(
                "fleetctl.service"
            )  # any name: a view would wait for etcd without a word
            self._view = await self._stack.enter_async_context(self._registry.follow(Everything()))
        return await self._view.fresh()

    def _change(self, name: str, decided: Callable[[Job | None], tuple[Job, UnitFile | None]]) -> None:
        self._call(self._saved(name, decided))

    async def _saved(self, name: str, decided: Callable[[Job | None], tuple[Job, UnitFile | None]]) -> None:
        for _ in range(ATTEMPTS):
            seen = await self._registry.job(name)
            job, file = decided(seen)
            try:
                await self._registry.save(job, file, seen=seen)
            except Conflict:
                continue
            return
        raise Conflict(f"unit {name} is changed by others all the time")

    async def _destroyed(self, name: str) -> bool:
        for _ in range(ATTEMPTS):
            if (seen := await self._registry.job(name)) is None:
                return False
            try:
                await self._registry.destroy(seen)
            except Conflict:
                continue
            return True
        raise Conflict(f"unit {name} is changed by others all the time")

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        async def timed() -> T:
            async with asyncio.timeout(LIMIT * self._timeout):
                return await work

        try:
            return asyncio.run_coroutine_threadsafe(timed(), self._loop).result()
        except TimeoutError:
            said = f"no answer within {LIMIT * self._timeout:g} s (see --request-timeout)"
        except RegistryError as error:
            said = str(error) or type(error).__name__
        servers = "" if said.startswith("etcd at ") else f"etcd at {','.join(self._store.servers)}: "
        raise Unreachable(servers + said)


def _existing(seen: Job | None) -> Job:
    if seen is None:
        raise ApiError(404, "unit does not exist")
    return seen


def _unit(picture: Picture, job: Job) -> Unit:
    settings = tuple(Setting(o.section, o.name, o.value) for o in picture.files[job.hash].options)
    current, machine = whereabouts(picture, job)
    return Unit(job.name, settings, str(job.desired), current, machine)
