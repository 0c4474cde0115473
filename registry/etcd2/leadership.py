"""The right to write the schedule: checked against the lease before each write.

Rule 1: nothing is overwritten that was not expected: a target is created, or removed if it is as expected.
Rule 2: what a machine is to leave is written before what it is to get.

etcd v2 cannot compare the lease and write in one step. The lease is read through the quorum when a commit
begins and again every `PROOF_LASTS` seconds of it, and by the clock before each write: what is under way
at the moment the lease ends can still land.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

from registry import codec
from registry.errors import Deposed
from registry.etcd2.client import Answer, Client
from registry.etcd2.faults import COMPARE_FAILED, KEY_EXISTS
from registry.etcd2.held import HeldKey
from registry.etcd2.mirror import Mirror, News
from registry.etcd2.tables import LEADER
from registry.etcd2.together import together
from registry.keyvalue.lease import Lease
from registry.port import Ask, Discard, Displace, EngineWrite, Explain, Place, Settle
from registry.records import Offer, Verdict

log = logging.getLogger(__name__)

PROOF_LASTS: Final = 0.25


class LayoutLeadership:
    """See `registry.port.Leadership`."""

    def __init__(self, client: Client, mirror: Mirror, held: HeldKey, lease: Lease) -> None:
        self._client = client
        self._mirror = mirror
        self._held = held
        self.lease = lease
        self._proof_ends = 0.0
        self._proving = asyncio.Lock()
        self._newest = 0

    async def commit(self, writes: Sequence[EngineWrite]) -> int:
        self._proof_ends = 0.0
        await self._prove()
        for phase in phases(writes):
            leaving = [write for write in phase if isinstance(write, Displace)]
            arriving = [write for write in phase if not isinstance(write, Displace)]
            await together(map(self._in_order, by_unit(leaving)))
            await together(map(self._in_order, by_unit(arriving)))
        return self._newest

    async def wait_lost(self) -> None:
        await self.lease.wait_uncertain()

    async def resign(self) -> None:
        await self.lease.end()
        log.info("resigned: another engine can lead")

    def hear(self, news: News) -> None:
        """Stop at once when somebody else has written the lease, or removed it."""
        if LEADER in news.touched and self._held.is_lost(
            self._mirror.nodes.get("/".join(LEADER)), news.index
        ):
            self.lease.give_up()

    async def _in_order(self, writes: Iterable[EngineWrite]) -> None:
        for write in writes:
            await self._write(write)

    async def _write(self, write: EngineWrite) -> None:
        match write:
            case Place(entry):
                await self._place(entry.machine, entry.name)
            case Displace(machine, name):
                await self._displace(machine, name)
            case Ask(offer):
                path = f"offer/{offer.machine}/{offer.name}"
                await self._prove()
                self._note(await self._client.put(path, self._offered(offer), ttl=self._held.ttl))
            case Settle(name, machines):
                for machine in machines:
                    await self._remove(f"offer/{machine}/{name}")
                await self._remove(f"bid/{name}", recursive=True)
            case Explain(name, verdict):
                await self._explain(name, verdict)
            case Discard():
                pass

    async def _explain(self, name: str, verdict: Verdict | None) -> None:
        if verdict is None:
            await self._remove(f"verdict/{name}")
            return
        await self._prove()
        self._note(await self._client.put(f"verdict/{name}", codec.encode_verdict(verdict).decode()))

    async def _place(self, machine: str, name: str) -> None:
        await self._prove()
        path = f"job/{name}/target"
        answer = await self._client.put(path, machine, prevExist=False)
        self._note(answer)
        if answer.code == KEY_EXISTS:
            node = (await self._client.get(path)).node
            if node is not None and node.value != machine:
                log.warning("%s is not scheduled to %s: it is on %s already", name, machine, node.value)

    async def _displace(self, machine: str, name: str) -> None:
        await self._prove()
        answer = await self._client.delete(f"job/{name}/target", prevValue=machine)
        self._note(answer)
        if answer.code == COMPARE_FAILED:
            log.warning("%s is not taken off %s: it is on another machine", name, machine)

    async def _remove(self, path: str, *, recursive: bool = False) -> None:
        await self._prove()
        condition = {"recursive": True} if recursive else {}
        self._note(await self._client.delete(path, **condition))

    def _offered(self, offer: Offer) -> str:
        """An offer that ends with this lease."""
        return json.dumps(
            {**json.loads(codec.encode_offer(offer)), "lease": self._held.created}, sort_keys=True
        )

    def _note(self, answer: Answer) -> None:
        self._newest = max(self._newest, answer.index)

    async def _prove(self) -> None:
        """Be sure that the lease is ours. Raises Deposed, Unavailable."""
        loop = asyncio.get_running_loop()
        async with self._proving:
            if loop.time() >= self._proof_ends:
                asked_at = loop.time()
                answer = await self._client.get(self._held.path)
                if not self._held.is_same(answer.node):
                    self.lease.give_up()
                self._note(answer)
                self._proof_ends = asked_at + PROOF_LASTS
        if not self.lease.is_certain:
            raise Deposed("the lease of the leader has ended, or may have: nothing more was written")


def phases(writes: Iterable[EngineWrite]) -> list[list[EngineWrite]]:
    """The writes in parts to be done one after the other; in each, what leaves can leave first."""
    parts: list[list[EngineWrite]] = [[]]
    for write in writes:
        if isinstance(write, Displace) and any(not isinstance(other, Displace) for other in parts[-1]):
            parts.append([])
        parts[-1].append(write)
    return parts


def by_unit(writes: Iterable[EngineWrite]) -> list[list[EngineWrite]]:
    """The writes about each unit, in their order."""
    return [list(group) for _, group in groupby(sorted(writes, key=unit_of), key=unit_of)]


def unit_of(write: EngineWrite) -> str:
    """Which unit a write is about."""
    match write:
        case Place(entry):
            return entry.name
        case Ask(offer):
            return offer.name
        case Displace(_, name) | Settle(name, _) | Explain(name, _):
            return name
        case Discard(hash, _):
            return hash
