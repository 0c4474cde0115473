"""The agent when things go wrong: on a registry in memory and a scripted host."""

import asyncio

import pytest

from agent.errors import NoAnswer
from agent.host import Stage
from agent.loop import Agent
from registry.memory import MemoryRegistry, MemoryStore
from registry.port import Everything
from tests.agent.host_contract import NONSENSE, SLEEPS, SLEEPS_LONGER
from tests.agent.scripted import Machine, ScriptedHost
from tests.agent.world import ME, A, B, eventually, is_, is_gone, running, world
from units.file import UnitFile
from units.machine import Machine as Member


async def test_a_report_on_a_unit_that_went_while_nobody_could_be_told_is_taken_back(
    machine: Machine,
) -> None:
    store = MemoryStore()
    this = ScriptedHost(machine)
    async with world(this, store) as w:
        await w.schedule(A, SLEEPS)
        await w.reported(A, is_("active"))
    await this.unload_offline(A)
    assert machine.memory[A].stage is Stage.GONE
    async with world(ScriptedHost(machine), store):
        await eventually(lambda: A not in machine.memory or machine.memory[A].stage is not Stage.GONE)


async def test_what_fails_is_tried_again_and_others_go_on(machine: Machine) -> None:
    machine.faults[f"load {A}"] = [NoAnswer("systemd did not answer"), NoAnswer("systemd did not answer")]
    async with world(ScriptedHost(machine)) as w:
        await w.schedule(A, SLEEPS)
        await w.schedule(B, SLEEPS)
        await w.reported(B, is_("active"))
        assert A not in machine.files
        await w.reported(A, is_("active"))


async def test_a_unit_that_hangs_holds_up_no_other(machine: Machine) -> None:
    machine.gates[f"unload {A}"] = asyncio.Event()
    async with world(ScriptedHost(machine)) as w:
        await w.schedule(A, SLEEPS)
        await w.reported(A, is_("active"))
        await w.unschedule(A)
        await w.schedule(B, SLEEPS)
        await w.reported(B, is_("active"))
        assert A in machine.files
        machine.gates[f"unload {A}"].set()
        await w.reported(A, is_gone)


async def test_what_is_wanted_while_a_unit_is_busy_is_done_when_it_has_ended(machine: Machine) -> None:
    gate = machine.gates[f"unload {A}"] = asyncio.Event()
    async with world(ScriptedHost(machine)) as w:
        await w.schedule(A, SLEEPS)
        await w.reported(A, is_("active"))
        await w.unschedule(A)
        await eventually(lambda: machine.memory[A].stage is Stage.LEAVING)
        await w.schedule(A, SLEEPS)
        await asyncio.sleep(0.05)  # long enough for a second sequence, which must not begin
        gate.set()
        await eventually(lambda: machine.starts[A] == 2)
        await w.reported(A, is_("active"))
    assert [word.split()[0] for word in machine.done] == ["load", "start", "unload", "load", "start"]


async def test_another_wish_is_not_kept_waiting_by_an_earlier_failure(machine: Machine) -> None:
    machine.faults[f"load {A}"] = [NoAnswer("no") for _ in range(3)]
    async with world(ScriptedHost(machine)) as w:
        await w.schedule(A, SLEEPS)
        await eventually(lambda: len(machine.faults[f"load {A}"]) == 1)  # the next try is 1 s away
        machine.faults.clear()
        before = asyncio.get_running_loop().time()
        await w.schedule(A, SLEEPS_LONGER)
        await w.reported(A, is_("active"))
        assert asyncio.get_running_loop().time() - before < 0.5


async def test_a_unit_systemd_will_not_start_is_reported_with_its_reason_and_can_go(machine: Machine) -> None:
    async with world(ScriptedHost(machine)) as w:
        await w.schedule(A, NONSENSE)
        report = await w.reported(A, lambda r: r and r.launched)
        assert report is not None
        assert report.load == "bad-setting"
        await w.unschedule(A)
        await w.reported(A, is_gone)


async def test_content_that_is_missing_is_said_and_asked_for_again(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    async with world(ScriptedHost(machine)) as w:
        other = UnitFile.from_text("[Service]\nExecStart=/bin/missing\n")
        await w.submit(A, SLEEPS)
        await w.place(A, other.hash)
        await eventually(lambda: f"no unit file with the hash {other.hash}" in caplog.text)
        await w.submit(B, other, "inactive")
        await w.reported(A, is_("active"))


async def test_nothing_is_done_while_the_host_cannot_be_read(machine: Machine) -> None:
    async with world(ScriptedHost(machine), every=0.01) as w:
        await w.schedule(A, SLEEPS)
        await w.reported(A, is_("active"))
        machine.readable = False
        await w.unschedule(A)
        await asyncio.sleep(0.05)
        assert A in machine.files
        machine.readable = True
        await w.reported(A, is_gone)


async def test_units_are_left_alone_while_the_registry_is_away(machine: Machine) -> None:
    store = MemoryStore()
    async with world(ScriptedHost(machine), store, every=0.01) as w:
        await w.schedule(A, SLEEPS)
        await w.reported(A, is_("active"))
        store.go_away()
        await asyncio.sleep(0.05)
        assert machine.done == [f"load {A}", f"start {A}"]
        store.come_back()
        await w.schedule(B, SLEEPS)
        await w.reported(B, is_("active"))


async def test_units_are_left_alone_when_the_record_of_this_machine_vanishes(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore()
    registry = MemoryRegistry(store)
    async with registry.join(Member(ME), ttl=60) as session:
        run = asyncio.create_task(Agent(registry, ScriptedHost(machine), ME).run(session))
        await eventually(lambda: "load" in " ".join(machine.done) or not machine.files)
        store.expire(ME)
        await asyncio.wait_for(run, 5)
    assert "units are left as they are" in caplog.text


async def test_a_lost_session_ends_the_run_and_the_next_one_takes_all_over(machine: Machine) -> None:
    store = MemoryStore()
    registry = MemoryRegistry(store)
    agent = Agent(registry, ScriptedHost(machine), ME)
    async with world(ScriptedHost(machine), store) as w:
        await w.schedule(A, SLEEPS)
        await w.reported(A, is_("active"))
    machine.done.clear()
    for _ in range(2):
        async with registry.join(Member(ME), ttl=60) as session, running(agent.run(session)) as run:
            await until_reported(registry, A)
            store.expire(ME)
            await asyncio.wait_for(asyncio.shield(run), 5)
    assert machine.done == []
    assert machine.active == {A: "active"}


async def until_reported(registry: MemoryRegistry, name: str) -> None:
    async with asyncio.timeout(5), registry.follow(Everything()) as view:
        while name not in view.picture.reports:
            await view.after(view.picture)


async def test_all_goes_on_when_the_bus_comes_back(machine: Machine) -> None:
    this = ScriptedHost(machine)
    async with world(this, every=0.02) as w:
        await w.schedule(A, SLEEPS)
        await w.reported(A, is_("active"))
        this.lose_bus()
        await w.schedule(B, SLEEPS)
        await asyncio.sleep(0.05)
        assert B not in machine.files
        this.find_bus()
        await w.reported(B, is_("active"))


async def test_handing_over_does_not_wait_for_a_bus_that_is_gone(
    machine: Machine, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.loop.REACH_DEADLINE", 0.05)
    this = ScriptedHost(machine)
    async with world(this) as w:
        await w.schedule(A, SLEEPS)
        await w.reported(A, is_("active"))
        this.lose_bus()
        async with asyncio.timeout(10):
            await w.agent.hand_over()
    assert machine.active == {A: "active"}
    assert "systemd was not reached within 0.05 s" in caplog.text
