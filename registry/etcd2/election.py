"""How an engine comes to lead, beside those of fleet 1.0 (scheduling.md §8.1 and §8.2)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from registry.errors import RegistryError, Unavailable
from registry.etcd2 import values
from registry.etcd2.client import Answer, Client
from registry.etcd2.faults import KEY_NOT_FOUND
from registry.etcd2.held import HeldKey, whole
from registry.etcd2.leadership import LayoutLeadership
from registry.etcd2.mirror import Mirror, News
from registry.etcd2.nodes import Group, Node
from registry.etcd2.tables import LEADER
from registry.keyvalue.lease import Lease
from registry.records import Leader

log = logging.getLogger(__name__)

LEASE: Final = "/".join(LEADER)
VERSION: Final[Group] = ("engine", "version")
LOOK_EVERY: Final = 5.0
"""Seconds between two looks at the lease when nothing is heard of it."""
PAUSE: Final = 0.5


@dataclass(slots=True)
class Campaign:
    """One engine's way to the lead. `ttl` in seconds."""

    client: Client
    mirror: Mirror
    leader: Leader
    ttl: float
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _version_news: asyncio.Event = field(default_factory=asyncio.Event)
    _said: str = ""

    @asynccontextmanager
    async def won(self) -> AsyncIterator[LayoutLeadership]:
        """Lead, once nobody else does."""
        async with self.mirror.opened(), self.mirror.heard_by(self._hear):
            lease, held, rest = await self._wait_won()
            leadership = LayoutLeadership(self.client, self.mirror, held, lease)
            async with self.mirror.heard_by(leadership.hear), lease.kept(), self._gate_minded(lease):
                if rest:
                    log.info(
                        "Waiting %g s for previous lease to expire before continuing reconciliation", rest
                    )
                    await asyncio.sleep(rest)
                log.info("leading: machine %s", self.leader.machine)
                yield leadership

    def _hear(self, news: News) -> None:
        if news.touched & {LEADER, VERSION}:
            self._news.set()
        if VERSION in news.touched:
            self._version_news.set()

    @asynccontextmanager
    async def _gate_minded(self, lease: Lease) -> AsyncIterator[None]:
        """Give the lease up when engines of this version no longer take part, until the context ends."""
        task = asyncio.create_task(self._mind_gate(lease), name="mind the engine version")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _mind_gate(self, lease: Lease) -> None:
        while not lease.has_ended:
            await self._version_news.wait()
            self._version_news.clear()
            try:
                # Once more, because others raise a low version at the same time.
                if not (await self._passes_gate() or await self._passes_gate()):
                    lease.give_up()
            except RegistryError as error:
                log.debug("reading the engine version: %s", error)
                self._version_news.set()
                await asyncio.sleep(PAUSE)

    async def _wait_won(self) -> tuple[Lease, HeldKey, float]:
        while True:
            self._news.clear()
            self._version_news.clear()
            asked_at = asyncio.get_running_loop().time()
            try:
                won = await self._attempt() if await self._passes_gate() else None
            except Unavailable as error:
                log.debug("campaigning: %s", error)
                await asyncio.sleep(PAUSE)
                continue
            if won is not None:
                held, rest = won
                return Lease(held.created, held.ttl, asked_at=asked_at, renewer=held), held, rest
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._news.wait()

    async def _passes_gate(self) -> bool:
        """Whether engines of this version take part; a lower version of the cluster is raised."""
        path, mine = "/".join(VERSION), self.leader.version
        node = (await self.client.get(path)).node
        try:
            theirs = int(node.value) if node is not None else 0
        except ValueError:
            self._say(logging.ERROR, f"Unable to determine cluster engine version: {path} is no number")
            return False
        if theirs > mine:
            self._say(
                logging.WARNING, f"not taking part: the cluster's engine version is {theirs}, ours {mine}"
            )
        elif theirs < mine:
            return await self._raise_version(path, node, theirs, mine)
        return theirs == mine

    async def _raise_version(self, path: str, node: Node | None, theirs: int, mine: int) -> bool:
        if node is None:
            answer = await self.client.put(path, str(mine), prevExist=False)
        else:
            answer = await self.client.put(path, str(mine), prevIndex=node.modified)
        if answer.took_place:
            log.info("Updated cluster engine version from %d to %d", theirs, mine)
        return answer.took_place

    async def _attempt(self) -> tuple[HeldKey, float] | None:
        """The lease, if it can be had, and for how many seconds it was another's."""
        answer = await self.client.get(LEASE)
        node = answer.node
        if answer.code == KEY_NOT_FOUND or node is None:
            taken = await self._put(whole(self.ttl), prevExist=False)
            return self._held(taken, 0.0)
        holder = values.read_leader(node.value)
        if holder == self.leader:
            held = HeldKey(self.client, LEASE, node, ttl=self.ttl)
            return (held, 0.0) if await held.renew(held.created) else None
        if holder.version >= self.leader.version:
            self._say(logging.INFO, f"Engine leader is {holder.machine}")
            return None
        rest = answer.ttl or 0.0
        stolen = await self._put(whole(self.ttl + rest), prevIndex=node.modified)
        if stolen.took_place:
            log.info("Stole engine leadership from Machine(%s)", holder.machine)
        return self._held(stolen, rest)

    async def _put(self, ttl: int, **condition: bool | int) -> Answer:
        return await self.client.put(LEASE, values.write_leader(self.leader), ttl=ttl, **condition)

    def _held(self, answer: Answer, rest: float) -> tuple[HeldKey, float] | None:
        if not answer.took_place or answer.node is None:
            return None
        return HeldKey(self.client, LEASE, answer.node, ttl=self.ttl), rest

    def _say(self, level: int, words: str) -> None:
        """Say a thing once."""
        if words != self._said:
            log.log(level, "%s", words)
        self._said = words
