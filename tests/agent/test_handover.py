"""A host gives its units away: those that may run twice for a moment stop only when they run elsewhere."""

import asyncio

import pytest

from registry.memory import MemoryRegistry, MemoryStore
from registry.port import Place
from registry.records import Report, ScheduleEntry
from tests.agent.host_contract import SLEEPS
from tests.agent.scripted import Machine, ScriptedHost
from tests.agent.world import A, B, is_, world
from units.file import UnitFile
from units.machine import Machine as Member
from units.state import TargetState

OTHER = "m2"
FIRST = UnitFile.from_text(SLEEPS.text + "\n[X-Fleet]\nHandover=start-first\n")


async def test_what_may_run_twice_stops_when_it_runs_elsewhere_and_the_rest_at_once(machine: Machine) -> None:
    store = MemoryStore()
    registry = MemoryRegistry(store)
    async with world(ScriptedHost(machine), store) as w, registry.join(Member(OTHER), ttl=60) as other:
        await w.schedule(A, FIRST)
        await w.schedule(B, SLEEPS)
        await w.reported(A, is_("active"))
        await w.reported(B, is_("active"))
        leaving = asyncio.create_task(w.agent.hand_over())
        await w.until(lambda p: "m1" not in p.machines)
        assert machine.active == {A: "active"}
        await w.lead.commit([Place(ScheduleEntry(OTHER, A, FIRST.hash, TargetState.LAUNCHED))])
        await other.report([Report(OTHER, A, FIRST.hash, "loaded", "activating", "", True, 0.0)], [])
        await asyncio.sleep(0.05)
        assert machine.active == {A: "active"}
        await other.report([Report(OTHER, A, FIRST.hash, "loaded", "active", "", True, 0.0)], [])
        await asyncio.wait_for(leaving, 2)
    assert machine.active == {}
    assert machine.files == {}


async def test_a_host_that_is_alone_waits_for_nobody(machine: Machine) -> None:
    store = MemoryStore()
    async with world(ScriptedHost(machine), store) as w:
        await w.schedule(A, FIRST)
        await w.reported(A, is_("active"))
        await asyncio.wait_for(w.agent.hand_over(), 2)
    assert machine.files == {}


async def test_a_replacement_that_does_not_come_up_is_not_waited_for_for_ever(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("agent.handover.replaced.__kwdefaults__", {"within": 0.05})
    store = MemoryStore()
    async with (
        world(ScriptedHost(machine), store) as w,
        MemoryRegistry(store).join(Member(OTHER), ttl=60),
    ):
        await w.schedule(A, FIRST)
        await w.reported(A, is_("active"))
        await asyncio.wait_for(w.agent.hand_over(), 2)
    assert machine.files == {}
    assert f"without a replacement within 0.05 s: {A}" in caplog.text


async def test_without_the_registry_all_stop_at_once(machine: Machine) -> None:
    store = MemoryStore()
    async with world(ScriptedHost(machine), store) as w:
        await w.schedule(A, SLEEPS)
        await w.reported(A, is_("active"))
        store.go_away()
        await asyncio.wait_for(w.agent.hand_over(), 5)
        assert machine.files == {}
        store.come_back()
