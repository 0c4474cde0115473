"""The presence of a host, and what it says of its units, in keys that 1.0 reads (§3.3, §3.5, §3.8).

Rule 1: only our own states are touched. What a 1.0 daemon deletes of them is written again.
Rule 2: `job-state` is written for a unit whose target is this machine, and removed only where it is ours.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from registry import codec
from registry.errors import Lost, RegistryError
from registry.etcd2 import values
from registry.etcd2.client import Client
from registry.etcd2.held import HeldKey, whole
from registry.etcd2.jobs import JOB_STATE, TARGET
from registry.etcd2.mirror import Mirror, News
from registry.etcd2.nodes import leaves
from registry.etcd2.together import together
from registry.keyvalue.lease import Lease
from registry.keyvalue.session import REMEMBERED
from registry.keyvalue.writes import LEFT
from registry.records import Bid, Report
from units.machine import Machine

log = logging.getLogger(__name__)

TOKEN: Final = "etcd2."
LONG_TTL: Final = 10.0
RETRIES_PER_PERIOD: Final = 5


def refresh_period(ttl: float) -> float:
    """The seconds after which 1.0 says again what has not changed (scheduling.md §10, §17)."""
    return ttl * 0.8 if ttl > LONG_TTL else ttl / 2


@dataclass(slots=True)
class _Word:
    """What was last said of a unit, and since which index etcd has it."""

    report: Report
    text: str
    index: int = 0


class LayoutSession:
    """See `registry.port.Session`."""

    def __init__(self, client: Client, mirror: Mirror, held: HeldKey, lease: Lease, machine: str) -> None:
        self._client = client
        self._mirror = mirror
        self._held = held
        self._machine = machine
        self.lease = lease
        self._words: dict[str, _Word] = {}
        self._missing: set[str] = set()
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()

    @property
    def token(self) -> str:
        return f"{TOKEN}{self._held.created}"

    @property
    def is_certain(self) -> bool:
        return self.lease.is_certain

    @property
    def certain_for(self) -> float:
        return self.lease.certain_for

    async def prove(self) -> None:
        if self.lease.has_ended or not await self._held.is_ours():
            self._give_up()

    async def report(self, reports: Sequence[Report], gone: Sequence[str]) -> None:
        async with self._writing:
            await self.prove()
            await together(self._surely(partial(self._forget, name)) for name in gone)
            await together(self._surely(partial(self._say, report)) for report in reports)

    async def bid(self, bids: Sequence[Bid]) -> None:
        await self.prove()
        answer = await self._client.get(f"offer/{self._machine}", recursive=True)
        standing = {key.rpartition("/")[2]: node.value for key, node in leaves(answer.fields)}
        await together(self._answer(bid) for bid in bids if _id_of(standing.get(bid.name)) == bid.offer)

    async def renew(self, machine: Machine) -> None:
        if not await self._held.change(values.write_machine(machine)):
            self._give_up()

    async def wait_lost(self) -> None:
        await self.lease.wait_ended()

    async def wait_certain(self, certain: bool) -> None:
        await (self.lease.wait_certain() if certain else self.lease.wait_uncertain())

    async def leave(self) -> None:
        await self._client.put(f"left/{self._machine}", LEFT, ttl=whole(REMEMBERED))
        await self.lease.end()
        names, self._words = list(self._words), {}
        await together(self._forget(name) for name in names)
        log.info("left: machine %s is no longer present", self._machine)

    def hear(self, news: News) -> None:
        """Notice when somebody has removed our presence, or what we have said."""
        nodes = self._mirror.nodes
        if ("machines", self._machine) in news.touched and self._held.is_lost(
            nodes.get(self._held.path), news.index
        ):
            log.warning("machine %s is no longer present: its record is gone, or another's", self._machine)
            self.lease.give_up()
        for root, name in news.touched:
            word = self._words.get(name)
            if word and root in ("states", "job") and self._lacks(word, news.index):
                self._missing.add(name)
                self._wake.set()

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Say again what would end, and what somebody has removed, until the context ends."""
        task = asyncio.create_task(self._keep_saying(), name="refresh states")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _keep_saying(self) -> None:
        loop = asyncio.get_running_loop()
        period = refresh_period(self._held.ttl)
        due = loop.time() + period
        while not self.lease.has_ended:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._wake.wait()
            self._wake.clear()
            is_due = loop.time() >= due
            names, self._missing = self._words.keys() if is_due else self._missing, set()
            if not is_due:
                log.info("written again, somebody has removed it: %s", ", ".join(sorted(names)))
            try:
                await self._say_again(tuple(names))
                due = loop.time() + period if is_due else due
            except RegistryError as error:
                due = loop.time() + period / RETRIES_PER_PERIOD
                log.warning("states not refreshed, trying on: %s", error)
            except Exception:
                due = loop.time() + period / RETRIES_PER_PERIOD
                log.exception("refreshing states")

    async def _say_again(self, names: Sequence[str]) -> None:
        async with self._writing:
            words = [self._words[name] for name in names if name in self._words]
            if words and not self.lease.has_ended:
                await together(self._say(word.report) for word in words)

    def _lacks(self, word: _Word, index: int) -> bool:
        """Whether what was said is no longer there; what etcd had before it was said does not count."""
        if index < word.index:
            return False
        name = word.report.name
        states = self._mirror.nodes.group("states", name)
        return self._machine not in states or (word.report.launched and self._is_heartbeat_missing(name))

    def _is_heartbeat_missing(self, name: str) -> bool:
        rows = self._mirror.nodes.group("job", name)
        return JOB_STATE not in rows and self._is_target(name)

    def _is_target(self, name: str) -> bool:
        target = self._mirror.nodes.group("job", name).get(TARGET)
        return target is not None and target.value == self._machine

    async def _say(self, report: Report) -> None:
        """Write what 1.0 writes: the heartbeat, the old place of the state, its place."""
        name, text, ttl = report.name, values.write_state(report), self._held.ttl
        word = self._words.get(name)
        if report.launched and self._is_target(name):
            await self._client.put(f"job/{name}/{JOB_STATE}", self._machine, ttl=ttl)
        elif not report.launched and (word is None or word.report.launched):
            if word is not None:
                # The heartbeat that goes is not one that somebody has taken away.
                self._words[name] = replace(word, report=report)
            await self._client.delete(f"job/{name}/{JOB_STATE}", prevValue=self._machine)
        await self._client.put(f"state/{name}", text, ttl=ttl)
        answer = await self._client.put(f"states/{name}/{self._machine}", text, ttl=ttl)
        self._words[name] = _Word(report, text, answer.index)

    async def _forget(self, name: str) -> None:
        """Remove what is ours, and the directory if that was the last in it."""
        word = self._words.pop(name, None)
        await self._client.delete(f"job/{name}/{JOB_STATE}", prevValue=self._machine)
        if word is not None:
            await self._client.delete(f"state/{name}", prevValue=word.text)
        await self._client.delete(f"states/{name}/{self._machine}")
        await self._client.delete(f"states/{name}", dir=True)

    async def _answer(self, bid: Bid) -> None:
        path = f"bid/{bid.name}/{self._machine}"
        await self._client.put(path, codec.encode_bid(bid).decode(), ttl=self._held.ttl)

    async def _surely(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write, unless the presence has ended, or by the clock may have and has."""
        if not self.lease.is_certain:
            await self.prove()
        await write()

    def _give_up(self) -> None:
        self.lease.give_up()
        raise Lost(f"machine {self._machine} is no longer present: its record has ended")


def _id_of(offer: str | None) -> str | None:
    """The id of an offer, None for none that can be read."""
    try:
        return None if offer is None else str(json.loads(offer)["id"])
    except (ValueError, KeyError, TypeError):
        return None
