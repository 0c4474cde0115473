"""Processes that are stopped in their tracks, and go on when their time is over: nothing of theirs lands."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from registry.errors import Deposed
from registry.etcd3.reading import pages
from registry.keys import Range
from registry.port import Everything, Place, Registry, View
from registry.records import Job, Leader
from tests.registry.builders import LAUNCHED, M1, M2, entry, machine, report, unit_file
from tests.registry.members import ETCD, Cluster
from tests.registry.world import EtcdWorld, seen, soon

pytestmark = pytest.mark.skipif(ETCD is None, reason="etcd is not installed")

ROOT = Path(__file__).resolve().parents[2]
ENGINE, OTHER = "e" * 32, "f" * 32


class Process:
    """A process of Python that can be stopped where it stands."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._said: list[str] = []

    def pause(self) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)

    async def says(self, words: str) -> None:
        """Wait until a line of what it logs holds these words."""
        assert self._process.stderr is not None
        while True:
            line = (await soon(self._process.stderr.readline())).decode()
            assert line, f"it ended: {''.join(self._said)}"
            self._said.append(line)
            if words in line:
                return

    async def end(self) -> None:
        self._process.kill()
        # Who waits without reading waits for ever when the pipe is full.
        await self._process.communicate()


@asynccontextmanager
async def process(module: str, *words: str) -> AsyncIterator[Process]:
    running = Process(
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *words, cwd=ROOT, stderr=asyncio.subprocess.PIPE
        )
    )
    try:
        yield running
    finally:
        await running.end()


async def wanted(registry: Registry, *names: str) -> None:
    for name in names:
        await registry.save(Job(name, unit_file().hash, LAUNCHED), unit_file(), seen=None)


async def written_since(world: EtcdWorld, revision: int) -> set[str]:
    """The kinds of keys that were written after a revision."""
    found = set()
    async for page in pages(world.client, [Range(world.keys.prefix)]):
        found |= {change.key for change in page.changes if change.revision > revision}
    return {key.removeprefix(world.keys.prefix).split("/")[0] for key in found}


async def until_handled(view: View, *names: str) -> None:
    """Wait until the engine has placed these, or asks who would run them: it is in the middle of its work."""
    await seen(view, lambda picture: set(names) <= picture.schedule.keys() | picture.offers.keys())


async def test_a_leader_that_wakes_up_after_another_took_over_writes_nothing(
    etcd: Cluster, etcd_only: EtcdWorld
) -> None:
    registry = etcd_only.connect()
    async with AsyncExitStack() as stack:
        view = await stack.enter_async_context(registry.follow(Everything()))
        await stack.enter_async_context(registry.join(machine(M1), ttl=30))
        words = (etcd.urls[0], etcd_only.keys.prefix, ENGINE)
        paused = await stack.enter_async_context(process("tests.registry.lone_engine", *words))
        await wanted(registry, "a.service")
        await until_handled(view, "a.service")
        paused.pause()
        # All of this it will find undone when it wakes up, and want to do.
        await wanted(registry, *(f"u{n}.service" for n in range(20)))
        async with asyncio.timeout(10), registry.campaign(Leader(OTHER), ttl=30) as other:
            taken = await other.commit([Place(entry("a.service", M1))])
            paused.resume()
            await paused.says("leadership lost")
            picture = await view.fresh()
            assert picture.leader == Leader(OTHER)
            assert set(picture.schedule) == {"a.service"}
            assert picture.offers == {}, "those of the paused leader ended with its lease"
            assert await written_since(etcd_only, taken) == set()
            # The one who took over is not hindered by any of it.
            await other.commit([Place(entry("b.service", M2))])
            await other.resign()
        await paused.says("Engine leadership acquired")
        await until_handled(view, "u19.service")


async def test_a_write_that_arrives_after_another_took_over_is_not_carried_out(etcd_only: EtcdWorld) -> None:
    """The clock of the host cannot help here: the leader was paused between its look at it and its write."""
    registry = etcd_only.connect()
    async with AsyncExitStack() as stack:
        view = await stack.enter_async_context(registry.follow(Everything()))
        first = await stack.enter_async_context(etcd_only.connect().campaign(Leader(ENGINE), ttl=30))
        assert first.lease.is_certain  # type: ignore[attr-defined]
        (leader,) = await etcd_only.store.read(etcd_only.keys.leader)
        assert leader is not None
        await etcd_only.store.revoke(leader.lease)
        second = await stack.enter_async_context(registry.campaign(Leader(OTHER), ttl=30))
        before = await second.commit([Place(entry("a.service", M1))])
        assert first.lease.is_certain  # type: ignore[attr-defined]
        with pytest.raises(Deposed, match="nothing was written"):
            await first.commit([Place(entry("a.service", M2))])
        assert (await view.fresh()).schedule == {"a.service": {M1: entry("a.service", M1)}}
        assert await written_since(etcd_only, before) == set()


async def test_a_host_that_wakes_up_after_its_lease_has_ended_is_lost_before_it_writes(
    etcd: Cluster, etcd_only: EtcdWorld
) -> None:
    registry = etcd_only.connect()
    async with AsyncExitStack() as stack:
        view = await stack.enter_async_context(registry.follow(Everything()))
        words = (etcd.urls[0], etcd_only.keys.prefix, M1)
        paused = await stack.enter_async_context(process("tests.registry.lone_host", *words))
        await seen(view, lambda picture: picture.reports)
        paused.pause()
        gone = await seen(view, lambda picture: M1 not in picture.machines)
        assert gone.reports == {}, "what it said has gone with it"
        # Another daemon is present under its ID, and says something of the same unit.
        session = await stack.enter_async_context(registry.join(machine(M1, ip="198.18.0.9"), ttl=30))
        said = report(machine=M1, active="failed")
        await session.report([said], [])
        before = (await view.fresh()).revision
        paused.resume()
        await paused.says("is not certain")
        await paused.says("lost: ")
        picture = await view.fresh()
        assert picture.reports == {said.name: {M1: said}}
        assert picture.machines[M1].ip == "198.18.0.9"
        assert await written_since(etcd_only, before) == set()
