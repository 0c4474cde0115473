"""The agent answers offers, and gives its units away when fleet is stopped."""

import asyncio

import pytest

from agent.loop import Agent
from registry.memory import MemoryRegistry, MemoryStore
from registry.port import Ask
from registry.records import Offer
from tests.agent.host_contract import SLEEPS
from tests.agent.scripted import Machine, ScriptedHost
from tests.agent.world import ME, A, B, is_, is_gone, world


async def test_offers_are_answered_each_once(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    machine.strangers[B] = "/etc/systemd/system/b.service"
    async with world(ScriptedHost(machine)) as w:
        await w.lead.commit([Ask(Offer(ME, A, "o1", "0" * 40)), Ask(Offer(ME, B, "o2", "0" * 40))])
        picture = await w.until(lambda p: len(p.bids) == 2)
        await w.lead.commit([Ask(Offer(ME, "c.service", "o3", "0" * 40))])
        await w.until(lambda p: len(p.bids) == 3)
    assert caplog.text.count("answered the offer of a.service") == 1
    bids = {name: by[ME] for name, by in picture.bids.items()}
    assert (bids[A].offer, bids[A].price, bids[A].refusal) == ("o1", 0.0, None)
    assert "/etc/systemd/system/b.service" in str(bids[B].refusal)


async def test_an_offer_is_answered_while_units_are_busy_and_the_bus_is_gone(machine: Machine) -> None:
    machine.gates[f"load {A}"] = asyncio.Event()
    this = ScriptedHost(machine)
    async with world(this) as w:
        await w.schedule(A, SLEEPS)
        this.lose_bus()
        await w.lead.commit([Ask(Offer(ME, B, "o1", "0" * 40))])
        picture = await w.until(lambda p: p.bids)
    assert picture.bids[B][ME].refusal == "systemd does not answer: no bus"


async def test_handing_over_unloads_everything_and_refuses_what_is_offered(machine: Machine) -> None:
    async with world(ScriptedHost(machine)) as w:
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
        await asyncio.sleep(0.05)  # long enough for a look at the new picture
        assert machine.files == {}, "what is still scheduled here is not loaded again"


async def test_handing_over_works_without_a_session(machine: Machine) -> None:
    store = MemoryStore()
    async with world(ScriptedHost(machine), store) as w:
        await w.schedule(A, SLEEPS)
        await w.reported(A, is_("active"))
    await Agent(MemoryRegistry(store), ScriptedHost(machine), ME).hand_over()
    assert machine.files == {}


async def test_handing_over_ends_although_a_unit_does_not_stop(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine.gates[f"unload {A}"] = asyncio.Event()
    async with world(ScriptedHost(machine)) as w:
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
