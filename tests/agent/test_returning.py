"""A host that comes back: what was moved away runs on until its other copy is up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agent.host import Present, Stage
from agent.loop import Agent
from agent.returning import Leftovers, why_let_go
from registry.memory import MemoryRegistry, MemoryStore
from registry.port import Displace, Place, Session
from registry.records import Job, Leader, Picture, Report, ScheduleEntry
from tests.agent.host_contract import SLEEPS
from tests.agent.scripted import Machine, ScriptedHost
from tests.agent.world import ME, A, B, World, eventually, is_, running, world
from units.machine import Machine as Member
from units.state import TargetState

OTHER = "m2"
NEW, OLD = "1" * 40, "0" * 40


def copy(active: str = "active", *, hash: str = NEW, load: str = "loaded", **more: object) -> Report:
    fields = {"launched": True, "since": 0.0} | more
    return Report(OTHER, A, hash, load, active, "", **fields)  # type: ignore[arg-type]


def picture(
    desired: str | None = "launched",
    *,
    place: str = OTHER,
    report: Report | None = None,
    everywhere: bool = False,
) -> Picture:
    jobs = {} if desired is None else {A: Job(A, NEW, TargetState(desired), everywhere)}
    schedule = {A: {place: ScheduleEntry(place, A, NEW, TargetState.LAUNCHED)}} if place else {}
    return Picture(
        1,
        jobs=jobs,
        schedule=schedule,
        machines={ME: Member(ME), OTHER: Member(OTHER)},
        reports={A: {OTHER: report}} if report else {},
    )


CASES = {
    "its copy has not been heard of": (picture(), None),
    "its copy is starting": (picture(report=copy("activating")), None),
    "its copy is of an older content": (picture(report=copy(hash=OLD)), None),
    "its copy is loaded but not yet started": (picture(report=copy("inactive", launched=False)), None),
    "its copy has failed": (picture(report=copy("failed")), None),
    "its copy could not be started": (picture(report=copy("inactive", reason="refused")), None),
    "its copy is active": (picture(report=copy()), "it is up on Machine(m2)"),
    "systemd has been asked to start its copy, and has not begun": (picture(report=copy("inactive")), None),
    "the machine of its copy is away": (picture(place="m3"), "it has no other place yet"),
    "it has no place": (picture(place=""), "it has no other place yet"),
    "it has been destroyed": (picture(None), "it has been destroyed"),
    "it is to be stopped": (picture("loaded"), "it is to be loaded"),
    "it is to be nowhere": (picture("inactive"), "it is to be inactive"),
    "it is global now": (picture(everywhere=True), "it is to be launched, and not here"),
}


@pytest.mark.parametrize(("seen", "why"), CASES.values(), ids=CASES.keys())
def test_when_a_unit_may_stop_here(seen: Picture, why: str | None) -> None:
    assert why_let_go(A, ME, seen) == why


async def test_what_was_moved_runs_on_until_its_copy_is_up_and_the_rest_is_not_touched(
    machine: Machine,
) -> None:
    store = MemoryStore()
    await launch_and_lose(machine, store)
    async with other_machine(store) as (w, other):
        await w.lead.commit(
            [Displace(ME, A), Place(ScheduleEntry(OTHER, A, SLEEPS.hash, TargetState.LAUNCHED))]
        )
        async with back(machine, store):
            await until_held(w, machine)
            await other.report([Report(OTHER, A, SLEEPS.hash, "loaded", "activating", "", True, 0.0)], [])
            await until_held(w, machine)
            await other.report([Report(OTHER, A, SLEEPS.hash, "loaded", "active", "", True, 0.0)], [])
            await eventually(lambda: A not in machine.files)
    assert machine.done == [f"unload {A}"]
    assert machine.active == {B: "active"}


async def test_what_was_destroyed_meanwhile_stops_at_once(machine: Machine) -> None:
    store = MemoryStore()
    await launch_and_lose(machine, store)
    async with other_machine(store) as (w, _):
        registry = MemoryRegistry(store)
        job = await registry.job(A)
        assert job is not None
        await registry.destroy(job)
        await w.lead.commit([Displace(ME, A)])
        async with back(machine, store):
            await eventually(lambda: A not in machine.files)


async def test_a_copy_that_never_comes_up_is_not_waited_for_for_ever(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    store = MemoryStore()
    await launch_and_lose(machine, store)
    async with other_machine(store) as (w, _):
        await w.lead.commit(
            [Displace(ME, A), Place(ScheduleEntry(OTHER, A, SLEEPS.hash, TargetState.LAUNCHED))]
        )
        async with back(machine, store, hold_at_most=0.1):
            await eventually(lambda: A not in machine.files)
    assert "its other copy has not come up within 0.1 s" in caplog.text


async def test_what_comes_back_to_this_host_while_it_is_held_is_not_touched(machine: Machine) -> None:
    store = MemoryStore()
    await launch_and_lose(machine, store)
    async with other_machine(store) as (w, _):
        there = ScheduleEntry(OTHER, A, SLEEPS.hash, TargetState.LAUNCHED)
        await w.lead.commit([Displace(ME, A), Place(there)])
        async with back(machine, store):
            await until_held(w, machine)
            here = ScheduleEntry(ME, A, SLEEPS.hash, TargetState.LAUNCHED)
            await w.lead.commit([Displace(OTHER, A), Place(here)])
            await asyncio.sleep(0.05)  # long enough to stop it, which must not happen
    assert machine.done == []


def test_only_what_was_started_and_is_not_wanted_is_held_and_only_as_long_as_it_is_not_wanted(
    machine: Machine,
) -> None:
    leftovers = Leftovers(MemoryRegistry(MemoryStore()), ScriptedHost(machine), ME, lambda: None)
    stages = {A: Stage.LAUNCHED, B: Stage.LAUNCHED, "c.service": Stage.LAUNCHED, "d.service": Stage.LOADED}
    present = {name: Present(NEW, stage) for name, stage in stages.items()}
    assert leftovers.held([A], None) == set(), "nothing is known yet"
    assert leftovers.held([A], present) == {B, "c.service"}
    assert leftovers.held([A, B], present) == {"c.service"}
    assert leftovers.held([], present) == {"c.service"}, "what the engine takes away later is not held"


async def test_what_fails_here_is_not_held(machine: Machine) -> None:
    store = MemoryStore()
    await launch_and_lose(machine, store)
    machine.active[A] = "failed"
    async with other_machine(store) as (w, _):
        await w.lead.commit(
            [Displace(ME, A), Place(ScheduleEntry(OTHER, A, SLEEPS.hash, TargetState.LAUNCHED))]
        )
        async with back(machine, store):
            await eventually(lambda: A not in machine.files)


async def launch_and_lose(machine: Machine, store: MemoryStore) -> None:
    """Have two units running, then no agent and no session."""
    async with world(ScriptedHost(machine), store) as w:
        await w.schedule(A, SLEEPS)
        await w.schedule(B, SLEEPS)
        await w.reported(A, is_("active"))
        await w.reported(B, is_("active"))
    machine.done.clear()


@asynccontextmanager
async def other_machine(store: MemoryStore) -> AsyncIterator[tuple[World, Session]]:
    """Another machine, and the engine."""
    registry = MemoryRegistry(store)
    async with (
        registry.campaign(Leader(OTHER), ttl=60) as lead,
        registry.join(Member(OTHER), ttl=60) as session,
    ):
        yield World(store, Agent(registry, ScriptedHost(Machine()), OTHER), lead), session


@asynccontextmanager
async def back(machine: Machine, store: MemoryStore, *, hold_at_most: float = 60) -> AsyncIterator[None]:
    """The host is a member again."""
    registry = MemoryRegistry(store)
    agent = Agent(registry, ScriptedHost(machine), ME, reconcile_every=0.01, hold_at_most=hold_at_most)
    async with registry.join(Member(ME), ttl=60) as session, running(agent.run(session)):
        yield
        await session.leave()


async def until_held(w: World, machine: Machine) -> None:
    """The returned host has looked several times, and left the unit alone."""
    await w.until(lambda p: ME in p.reports.get(A, {}))
    await asyncio.sleep(0.05)
    assert machine.done == []
