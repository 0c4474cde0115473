"""The whole agent, on a registry in memory and a scripted host."""

import asyncio
from collections.abc import Callable

import pytest

from agent.errors import NoAnswer
from agent.host import Stage
from agent.loop import Agent
from registry.memory import MemoryRegistry, MemoryStore
from registry.port import Ask, Everything
from registry.records import Offer, Report
from tests.agent.host_contract import DONE_AT_ONCE, NONSENSE, SLEEPS, SLEEPS_LONGER
from tests.agent.scripted import Machine, ScriptedHost
from tests.agent.world import ME, running, world
from tests.builders import unit_file
from units.file import UnitFile
from units.machine import Machine as Member

A, B = "a.service", "b.service"


@pytest.fixture
def machine() -> Machine:
    return Machine()


def host(machine: Machine) -> ScriptedHost:
    return ScriptedHost(machine)


def is_(active: str) -> Callable[[Report | None], bool]:
    return lambda report: report is not None and report.active == active


def is_gone(report: Report | None) -> bool:
    return report is None


async def eventually(condition: Callable[[], object]) -> None:
    """For what only the scripted machine can tell."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the machine has no event for everything
            await asyncio.sleep(0.005)


async def test_a_unit_that_is_scheduled_is_loaded_and_started_and_reported(machine: Machine) -> None:
    async with world(host(machine)) as w:
        await w.schedule(A, SLEEPS)
        report = await w.reported(A, is_("active"))
    assert machine.done == [f"load {A}", f"start {A}"]
    assert report is not None
    assert (report.hash, report.load, report.sub, report.launched) == (SLEEPS.hash, "loaded", "running", True)


async def test_a_unit_wanted_loaded_is_not_started(machine: Machine) -> None:
    async with world(host(machine)) as w:
        await w.schedule(A, SLEEPS, "loaded")
        report = await w.reported(A, is_("inactive"))
    assert machine.done == [f"load {A}"]
    assert report is not None
    assert not report.launched


async def test_a_unit_goes_through_all_its_states(machine: Machine) -> None:
    async with world(host(machine)) as w:
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
    async with world(host(machine)) as w:
        await w.schedule(A, SLEEPS)
        await w.reported(A, is_("active"))
        await w.schedule(A, SLEEPS_LONGER)
        await w.reported(A, lambda r: is_("active")(r) and r and r.hash == SLEEPS_LONGER.hash)
    assert [word.split()[0] for word in machine.done] == ["load", "start", "unload", "load", "start"]


async def test_units_of_one_moment_are_all_loaded_before_any_is_started(machine: Machine) -> None:
    store = MemoryStore()
    async with world(host(machine), store) as w:
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
    assert {word.split()[0] for word in machine.done[:21]} == {"load"}


async def test_a_global_unit_runs_here_if_its_metadata_fit(machine: Machine) -> None:
    fits, not_here = unit_file("MachineMetadata=disk=ssd"), unit_file("MachineMetadata=disk=tape")
    async with world(host(machine)) as w:
        await w.submit(A, not_here, everywhere=True)
        await w.submit(B, fits, everywhere=True)
        await w.reported(B, is_("active"))
    assert machine.done == [f"load {B}", f"start {B}"]


async def test_what_runs_is_left_alone_when_the_agent_restarts(machine: Machine) -> None:
    store = MemoryStore()
    async with world(host(machine), store) as w:
        await w.schedule(A, SLEEPS)
        await w.schedule(B, DONE_AT_ONCE)
        await w.reported(A, is_("active"))
        await eventually(lambda: machine.starts[B])
    machine.done.clear()
    async with world(host(machine), store) as w:
        await w.reported(A, is_("active"))
        await w.reported(B, is_("inactive"))
    assert machine.done == []


async def test_what_is_not_scheduled_any_more_when_the_agent_comes_back_is_unloaded(machine: Machine) -> None:
    async with world(host(machine)) as w:
        await w.schedule(A, SLEEPS)
        await w.reported(A, is_("active"))
    async with world(host(machine)):
        await eventually(lambda: not machine.files)


async def test_a_report_on_a_unit_that_went_while_nobody_could_be_told_is_taken_back(
    machine: Machine,
) -> None:
    store = MemoryStore()
    this = host(machine)
    async with world(this, store) as w:
        await w.schedule(A, SLEEPS)
        await w.reported(A, is_("active"))
    await this.unload_offline(A)
    assert machine.memory[A].stage is Stage.GONE
    async with world(host(machine), store):
        await eventually(lambda: A not in machine.memory or machine.memory[A].stage is not Stage.GONE)


async def test_what_fails_is_tried_again_and_others_go_on(machine: Machine) -> None:
    machine.faults[f"load {A}"] = [NoAnswer("systemd did not answer"), NoAnswer("systemd did not answer")]
    async with world(host(machine)) as w:
        await w.schedule(A, SLEEPS)
        await w.schedule(B, SLEEPS)
        await w.reported(B, is_("active"))
        assert A not in machine.files
        await w.reported(A, is_("active"))


async def test_a_unit_that_hangs_holds_up_no_other(machine: Machine) -> None:
    machine.gates[f"unload {A}"] = asyncio.Event()
    async with world(host(machine)) as w:
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
    async with world(host(machine)) as w:
        await w.schedule(A, SLEEPS)
        await w.reported(A, is_("active"))
        await w.unschedule(A)
        await eventually(lambda: machine.memory[A].stage is Stage.LEAVING)
        await w.schedule(A, SLEEPS)
        gate.set()
        await eventually(lambda: machine.done[-1] == f"start {A}")
        await w.reported(A, is_("active"))


async def test_another_wish_is_not_kept_waiting_by_an_earlier_failure(machine: Machine) -> None:
    machine.faults[f"load {A}"] = [NoAnswer("no") for _ in range(3)]
    async with world(host(machine)) as w:
        await w.schedule(A, SLEEPS)
        await eventually(lambda: len(machine.faults[f"load {A}"]) == 1)  # the next try is 1 s away
        machine.faults.clear()
        before = asyncio.get_running_loop().time()
        await w.schedule(A, SLEEPS_LONGER)
        await w.reported(A, is_("active"))
        assert asyncio.get_running_loop().time() - before < 0.5


async def test_a_unit_systemd_will_not_start_is_reported_with_its_reason_and_can_go(machine: Machine) -> None:
    async with world(host(machine)) as w:
        await w.schedule(A, NONSENSE)
        report = await w.reported(A, lambda r: r and r.launched)
        assert report is not None
        assert report.load == "bad-setting"
        await w.unschedule(A)
        await w.reported(A, is_gone)


async def test_content_that_is_missing_is_said_and_asked_for_again(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    async with world(host(machine)) as w:
        other = UnitFile.from_text("[Service]\nExecStart=/bin/missing\n")
        await w.submit(A, SLEEPS)
        await w.place(A, other.hash)
        await eventually(lambda: f"no unit file with the hash {other.hash}" in caplog.text)
        await w.submit(B, other, "inactive")
        await w.reported(A, is_("active"))


async def test_nothing_is_done_while_the_host_cannot_be_read(machine: Machine) -> None:
    async with world(host(machine), every=0.01) as w:
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
    async with world(host(machine), store, every=0.01) as w:
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
        run = asyncio.create_task(Agent(registry, host(machine), ME).run(session))
        await eventually(lambda: "load" in " ".join(machine.done) or not machine.files)
        store.expire(ME)
        await asyncio.wait_for(run, 5)
    assert "units are left as they are" in caplog.text


async def test_a_lost_session_ends_the_run_and_the_next_one_takes_all_over(machine: Machine) -> None:
    store = MemoryStore()
    registry = MemoryRegistry(store)
    agent = Agent(registry, host(machine), ME)
    async with world(host(machine), store) as w:
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


async def test_what_systemd_says_later_is_reported(machine: Machine) -> None:
    this = host(machine)
    async with world(this) as w:
        await w.schedule(A, SLEEPS)
        await w.reported(A, is_("active"))
        this.becomes(A, "failed")
        await w.reported(A, is_("failed"))
    assert machine.done == [f"load {A}", f"start {A}"], "what fails is for its own Restart= to start again"


async def test_all_goes_on_when_the_bus_comes_back(machine: Machine) -> None:
    this = host(machine)
    async with world(this, every=0.02) as w:
        await w.schedule(A, SLEEPS)
        await w.reported(A, is_("active"))
        this.lose_bus()
        await w.schedule(B, SLEEPS)
        await asyncio.sleep(0.05)
        assert B not in machine.files
        this.find_bus()
        await w.reported(B, is_("active"))


async def test_offers_are_answered_each_once(machine: Machine) -> None:
    machine.strangers[B] = "/etc/systemd/system/b.service"
    async with world(host(machine)) as w:
        await w.lead.commit([Ask(Offer(ME, A, "o1", "0" * 40)), Ask(Offer(ME, B, "o2", "0" * 40))])
        picture = await w.until(lambda p: len(p.bids) == 2)
    bids = {name: by[ME] for name, by in picture.bids.items()}
    assert (bids[A].offer, bids[A].price, bids[A].refusal) == ("o1", 0.0, None)
    assert "/etc/systemd/system/b.service" in str(bids[B].refusal)


async def test_an_offer_is_answered_while_units_are_busy_and_the_bus_is_gone(machine: Machine) -> None:
    machine.gates[f"load {A}"] = asyncio.Event()
    this = host(machine)
    async with world(this) as w:
        await w.schedule(A, SLEEPS)
        this.lose_bus()
        await w.lead.commit([Ask(Offer(ME, B, "o1", "0" * 40))])
        picture = await w.until(lambda p: p.bids)
    assert picture.bids[B][ME].refusal == "systemd does not answer: no bus"


async def test_handing_over_unloads_everything_and_refuses_what_is_offered(machine: Machine) -> None:
    async with world(host(machine)) as w:
        await w.schedule(A, SLEEPS)
        await w.schedule(B, SLEEPS)
        await w.reported(A, is_("active"))
        await w.reported(B, is_("active"))
        await w.agent.hand_over()
        assert (machine.files, machine.active) == ({}, {})
        await w.reported(A, is_gone)
        await w.lead.commit([Ask(Offer(ME, "c.service", "o1", "0" * 40))])
        picture = await w.until(lambda p: p.bids)
        assert picture.bids["c.service"][ME].refusal == "fleet is being stopped on this host"
        assert machine.files == {}, "what is still scheduled here is not loaded again"


async def test_handing_over_works_without_a_session(machine: Machine) -> None:
    store = MemoryStore()
    async with world(host(machine), store) as w:
        await w.schedule(A, SLEEPS)
        await w.reported(A, is_("active"))
    await Agent(MemoryRegistry(store), host(machine), ME).hand_over()
    assert machine.files == {}


async def test_handing_over_ends_although_a_unit_does_not_stop(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine.gates[f"unload {A}"] = asyncio.Event()
    async with world(host(machine)) as w:
        await w.schedule(A, SLEEPS)
        await w.schedule(B, SLEEPS)
        await w.reported(A, is_("active"))
        await w.reported(B, is_("active"))
        await w.agent.hand_over(deadline=0.1)
    assert set(machine.files) == {A}
    assert f"not all units were unloaded within 0.1 s, left: {A}" in caplog.text


async def test_handing_over_ends_although_systemd_cannot_be_reached(machine: Machine) -> None:
    class Deaf(ScriptedHost):
        async def watch(self) -> None:
            await asyncio.Event().wait()

    await asyncio.wait_for(Agent(MemoryRegistry(MemoryStore()), Deaf(machine), ME).hand_over(deadline=0.1), 2)
