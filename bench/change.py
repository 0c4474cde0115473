"""What one change costs etcd, however large the cluster: `python -m bench.change [SIZE ...]`.

For each size (10 and 1,000) a real etcd holds that many present machines, each with a unit that runs, and
one engine leads. Three more machines have agents, on hosts that are scripted. One unit is started, then
stopped, then destroyed, each until nothing more happens, and etcd's own counters are read before and after.
Writes are what reaches etcd's log; a transaction that only reads does not. The three took 7, 3 and
1 writes when this was written, with 10 machines and units as with 1,000.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import urllib.request
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from agent.loop import Agent
from engine.loop import run as run_engine
from registry.open import Settings, open_registry
from registry.port import Everything, Place, Registry, View
from registry.records import Job, Leader, Picture, Report, ScheduleEntry
from tests.agent.scripted import Machine as ScriptedMachine
from tests.agent.scripted import ScriptedHost
from tests.registry.members import Cluster
from units.file import UnitFile
from units.machine import Machine
from units.state import TargetState

FILE = UnitFile.from_text("[Service]\nExecStart=/bin/sleep infinity\n")
OTHER = UnitFile.from_text("[Service]\nExecStart=/bin/sleep 1d\n")
TTL = 600.0
"""Seconds: so long that no lease is renewed while something is counted."""
AGENTS = 3
QUIET = 1.0
"""Seconds without a write after which a change has come to its end."""
COUNTED = {
    "writes": r"^etcd_server_proposals_committed_total (\S+)",
    "keys put": r"^etcd_mvcc_put_total (\S+)",
    "keys deleted": r"^etcd_mvcc_delete_total (\S+)",
    "transactions": r'^grpc_server_handled_total{grpc_code="OK",grpc_method="Txn".* (\S+)',
    "ranges": r'^grpc_server_handled_total{grpc_code="OK",grpc_method="Range".* (\S+)',
}

Counts = dict[str, float]


@dataclass(slots=True)
class Bench:
    """One cluster of some size."""

    url: str
    registry: Registry
    view: View

    async def counts(self) -> Counts:
        """etcd's counters."""
        with await asyncio.to_thread(urllib.request.urlopen, f"{self.url}/metrics") as answer:
            text = answer.read().decode()
        return {
            name: sum(float(n) for n in re.findall(pattern, text, re.MULTILINE))
            for name, pattern in COUNTED.items()
        }

    async def calm(self) -> Counts:
        """The counters, once nothing is written any more."""
        before = await self.counts()
        while True:
            await asyncio.sleep(QUIET)
            after = await self.counts()
            if after["writes"] == before["writes"]:
                return after
            before = after

    async def cost(
        self, change: Callable[[], Awaitable[object]], until: Callable[[Picture], object]
    ) -> Counts:
        """What a change costs until something holds, and nothing more follows."""
        before = await self.calm()
        await change()
        while not until(self.view.picture):
            await self.view.after(self.view.picture)
        after = await self.calm()
        # The last look at the counters needed no request that is counted.
        return {name: after[name] - before[name] for name in COUNTED}

    async def want(self, name: str, desired: TargetState) -> None:
        """Have a unit in a state."""
        seen = await self.registry.job(name)
        await self.registry.save(Job(name, FILE.hash, desired), FILE, seen=seen)

    async def destroy(self, name: str) -> None:
        """Have it no longer."""
        seen = await self.registry.job(name)
        assert seen is not None
        await self.registry.destroy(seen)


async def fill(registry: Registry, size: int, stack: AsyncExitStack) -> None:
    """So many machines, each with a unit that runs."""
    ids = [f"{n:032x}" for n in range(1, size + 1)]
    jobs = [Job(f"u{n}.service", OTHER.hash, TargetState.LAUNCHED) for n in range(size)]
    for job in jobs:
        await registry.save(job, OTHER, seen=None)
    for id, job in zip(ids, jobs, strict=True):
        session = await stack.enter_async_context(registry.join(Machine(id, "", {}, "2"), ttl=TTL))
        said = Report(id, job.name, job.hash, "loaded", "active", "running", True, 0.0)
        await session.report([said], [])
    async with registry.campaign(Leader("bench"), ttl=10) as lead:
        entries = [ScheduleEntry(id, j.name, j.hash, j.desired) for id, j in zip(ids, jobs, strict=True)]
        await lead.commit([Place(entry) for entry in entries])
        await lead.resign()


async def measured(size: int) -> dict[str, Counts]:
    """What each change costs in a cluster of some size."""
    with Cluster() as etcd:
        settings = Settings(servers=etcd.urls, request_timeout=10.0)
        async with AsyncExitStack() as stack:
            registry, others = open_registry(settings), open_registry(settings)
            stack.push_async_callback(registry.close)
            stack.push_async_callback(others.close)
            await fill(others, size, stack)
            tasks = [run_engine(registry, "e" * 32, interval=TTL / 5, grace=TTL)]
            for n in range(AGENTS):
                id = f"a{n:031x}"
                session = await stack.enter_async_context(others.join(Machine(id, "", {}, "2"), ttl=TTL))
                tasks.append(Agent(others, ScriptedHost(ScriptedMachine()), id).run(session))
            running = [asyncio.ensure_future(task) for task in tasks]
            view = await stack.enter_async_context(registry.follow(Everything()))
            bench, name = Bench(etcd.urls[0], registry, view), "one.service"
            launched, inactive = TargetState.LAUNCHED, TargetState.INACTIVE
            costs = {
                "start": await bench.cost(lambda: bench.want(name, launched), lambda p: _is_active(p, name)),
                "stop": await bench.cost(
                    lambda: bench.want(name, inactive), lambda p: name not in p.schedule
                ),
                "destroy": await bench.cost(lambda: bench.destroy(name), lambda p: name not in p.jobs),
            }
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
    return costs


def _is_active(picture: Picture, name: str) -> bool:
    return any(report.active == "active" for report in picture.reports.get(name, {}).values())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sizes", nargs="*", type=int, default=[10, 1000], metavar="SIZE")
    print(f"{'machines, units':>15}  {'change':8}", *(f"{name:>12}" for name in COUNTED))
    for size in parser.parse_args().sizes:
        for change, counts in asyncio.run(measured(size)).items():
            print(f"{size:15}  {change:8}", *(f"{counts[name]:12.0f}" for name in COUNTED))


if __name__ == "__main__":
    main()
