"""The whole agent, on a registry in memory and a scripted host."""

import asyncio

from registry.memory import MemoryStore
from tests.agent.host_contract import DONE_AT_ONCE, SLEEPS, SLEEPS_LONGER
from tests.agent.scripted import Machine, ScriptedHost
from tests.agent.world import A, B, eventually, is_, is_gone, world
from tests.builders import unit_file


async def test_a_unit_that_is_scheduled_is_loaded_and_started_and_reported(machine: Machine) -> None:
    async with world(ScriptedHost(machine)) as w:
        await w.schedule(A, SLEEPS)
        report = await w.reported(A, is_("active"))
    assert machine.done == [f"load {A}", f"start {A}"]
    assert report is not None
    assert (report.hash, report.load, report.sub, report.launched) == (SLEEPS.hash, "loaded", "running", True)


async def test_a_unit_wanted_loaded_is_not_started(machine: Machine) -> None:
    async with world(ScriptedHost(machine)) as w:
        await w.schedule(A, SLEEPS, "loaded")
        report = await w.reported(A, is_("inactive"))
    assert machine.done == [f"load {A}"]
    assert report is not None
    assert not report.launched


async def test_a_unit_goes_through_all_its_states(machine: Machine) -> None:
    async with world(ScriptedHost(machine)) as w:
        await w.schedule(A, SLEEPS)
        await w.reported(A, is_("active"))
        await w.schedule(A, SLEEPS, "loaded")
        await w.reported(A, is_("inactive"))
        await w.schedule(A, SLEEPS)
        await w.reported(A, is_("active"))
        await w.unschedule(A)
        await w.reported(A, is_gone)
    verbs = [word.split()[0] for word in machine.done]
    assert verbs == ["load", "start", "stop", "start", "unload"]
    assert machine.memory == {}


async def test_new_content_replaces_the_old(machine: Machine) -> None:
    async with world(ScriptedHost(machine)) as w:
        await w.schedule(A, SLEEPS)
        await w.reported(A, is_("active"))
        await w.schedule(A, SLEEPS_LONGER)
        await w.reported(A, lambda r: is_("active")(r) and r and r.hash == SLEEPS_LONGER.hash)
    assert [word.split()[0] for word in machine.done] == ["load", "start", "unload", "load", "start"]


async def test_units_of_one_moment_are_all_loaded_before_any_is_started(machine: Machine) -> None:
    store = MemoryStore()
    async with world(ScriptedHost(machine), store) as w:
        names = [f"u{i}.service" for i in range(20)]
        for name in names:
            await w.submit(name, SLEEPS)
        machine.readable = False
        for name in names:
            await w.schedule(name, SLEEPS)
        machine.readable = True
        await w.schedule(A, SLEEPS)
        for name in names:
            await w.reported(name, is_("active"))
    assert {word.split()[0] for word in machine.done[:20]} == {"load"}


async def test_a_global_unit_runs_here_if_its_metadata_fit(machine: Machine) -> None:
    fits, not_here = unit_file("MachineMetadata=disk=ssd"), unit_file("MachineMetadata=disk=tape")
    async with world(ScriptedHost(machine)) as w:
        await w.submit(A, not_here, everywhere=True)
        await w.submit(B, fits, everywhere=True)
        await w.reported(B, is_("active"))
    assert machine.done == [f"load {B}", f"start {B}"]


async def test_what_runs_is_left_alone_when_the_agent_restarts(machine: Machine) -> None:
    store = MemoryStore()
    async with world(ScriptedHost(machine), store) as w:
        await w.schedule(A, SLEEPS)
        await w.schedule(B, DONE_AT_ONCE)
        await w.reported(A, is_("active"))
        await eventually(lambda: machine.starts[B])
    machine.done.clear()
    async with world(ScriptedHost(machine), store) as w:
        await w.reported(A, is_("active"))
        await w.reported(B, is_("inactive"))
    assert machine.done == []


async def test_what_is_not_scheduled_any_more_when_the_agent_comes_back_is_unloaded(machine: Machine) -> None:
    async with world(ScriptedHost(machine)) as w:
        await w.schedule(A, SLEEPS)
        await w.reported(A, is_("active"))
    async with world(ScriptedHost(machine)):
        await eventually(lambda: not machine.files)


async def test_what_systemd_says_later_is_reported(machine: Machine) -> None:
    this = ScriptedHost(machine)
    async with world(this) as w:
        await w.schedule(A, SLEEPS)
        await w.reported(A, is_("active"))
        this.becomes(A, "failed")
        await w.reported(A, is_("failed"))
        before = w.store.newest
        this.becomes(A, "failed")
        await asyncio.sleep(0.05)
        assert w.store.newest == before, "what is known already is not said again"
    assert machine.done == [f"load {A}", f"start {A}"], "what fails is for its own Restart= to start again"
