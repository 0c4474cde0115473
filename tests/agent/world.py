"""An agent on a registry in memory and a scripted host, and the engine's hand to write its schedule with."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from agent.host import Host
from agent.loop import Agent
from registry.memory import MemoryRegistry, MemoryStore
from registry.port import Displace, Everything, Leadership, Place
from registry.records import Job, Leader, Picture, Report, ScheduleEntry
from units.file import UnitFile
from units.machine import Machine
from units.state import TargetState

ME = "m1"
A, B = "a.service", "b.service"
NEVER = 3600.0
"""Seconds between two looks, longer than any test: nothing may depend on the tick."""


@dataclass
class World:
    """What a test moves and looks at."""

    store: MemoryStore
    agent: Agent
    lead: Leadership

    async def schedule(self, name: str, file: UnitFile, state: str = "launched") -> None:
        """What the engine does once a unit has its place."""
        await self.submit(name, file, state)
        await self.place(name, file.hash, state)

    async def place(self, name: str, hash: str, state: str = "launched") -> None:
        """The same, whether or not there is such a content."""
        await self.lead.commit([Place(ScheduleEntry(ME, name, hash, TargetState(state)))])

    async def unschedule(self, name: str) -> None:
        """What the engine does when a unit leaves."""
        await self.lead.commit([Displace(ME, name)])

    async def submit(
        self, name: str, file: UnitFile, state: str = "launched", *, everywhere: bool = False
    ) -> None:
        """What the API does for the owner of a unit."""
        registry = MemoryRegistry(self.store)
        job = Job(name, file.hash, TargetState(state), is_global=everywhere)
        await registry.save(job, file, seen=await registry.job(name))

    async def reported(self, name: str, condition: Callable[[Report | None], object]) -> Report | None:
        """Wait until what this host says of a unit is so."""
        picture = await self.until(lambda p: condition(p.reports.get(name, {}).get(ME)))
        return picture.reports.get(name, {}).get(ME)

    async def until(self, condition: Callable[[Picture], object], *, timeout: float = 5) -> Picture:
        """Wait until the shared state is so."""
        async with asyncio.timeout(timeout), MemoryRegistry(self.store).follow(Everything()) as view:
            picture = view.picture
            while not condition(picture):
                picture = await view.after(picture)
            return picture


@asynccontextmanager
async def world(
    host: Host, store: MemoryStore | None = None, *, every: float = NEVER, starts: int | None = None
) -> AsyncIterator[World]:
    """A running agent; ended, without touching its units, when the context ends."""
    store = store or MemoryStore()
    registry = MemoryRegistry(store)
    agent = Agent(registry, host, ME, reconcile_every=every, start_concurrency=starts)
    async with (
        registry.join(Machine(ME, metadata={"disk": "ssd"}), ttl=60) as session,
        registry.campaign(Leader(ME), ttl=60) as lead,
        running(agent.run(session)),
    ):
        yield World(store, agent, lead)
        await lead.resign()
        await session.leave()


@asynccontextmanager
async def running(coroutine) -> AsyncIterator["asyncio.Task[None]"]:  # type: ignore[no-untyped-def]
    """A task that lasts as long as the context, unless it ends by itself."""
    task = asyncio.create_task(coroutine)
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def is_(active: str) -> Callable[[Report | None], bool]:
    """For `World.reported`: the unit is here, in this state."""
    return lambda report: report is not None and report.active == active


def is_gone(report: Report | None) -> bool:
    """For `World.reported`: nothing is said of the unit any more."""
    return report is None


async def eventually(condition: Callable[[], object]) -> None:
    """For what only the scripted machine can tell."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the machine has no event for everything
            await asyncio.sleep(0.005)
