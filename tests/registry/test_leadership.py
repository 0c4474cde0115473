"""The contract for the leader: one at a time, and nothing lands of one who no longer leads."""

from __future__ import annotations

import asyncio

import pytest

from registry.errors import Deposed
from registry.port import (
    Ask,
    Discard,
    Displace,
    EngineWrite,
    Everything,
    Explain,
    Leadership,
    Place,
    Registry,
    Settle,
)
from registry.records import Leader, Verdict
from tests.registry.builders import LOADED, M1, M2, A, bid, entry, job, leader, machine, offer, unit_file
from tests.registry.world import World, delete, expire, seen, soon


async def test_the_first_who_campaigns_leads(registry: Registry) -> None:
    async with registry.follow(Everything()) as view, registry.campaign(Leader(M1, 3), ttl=10):
        assert (await view.fresh()).leader == Leader(M1, 3)


async def test_the_second_waits_until_the_first_resigns(world: World) -> None:
    leading = asyncio.Event()

    async def campaign_too() -> None:
        async with world.connect().campaign(leader(M2), ttl=10) as leadership:
            leading.set()
            await leadership.commit([Place(entry())])
            await leadership.resign()

    async with world.connect().campaign(leader(M1), ttl=10) as first:
        second = asyncio.create_task(campaign_too())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await leading.wait()
        await first.resign()
        await soon(second)
        await soon(first.wait_lost())


async def test_of_many_only_one_leads_at_a_time(world: World) -> None:
    leading: list[str] = []

    async def lead_once(name: str) -> None:
        async with world.connect().campaign(leader(name), ttl=10) as leadership:
            leading.append(name)
            assert leading == [name]
            await leadership.commit([Place(entry())])
            leading.remove(name)
            await leadership.resign()

    await soon(asyncio.gather(*(lead_once(f"{n:032x}") for n in range(8))))


async def test_a_lease_that_ended_makes_the_next_one_lead(world: World) -> None:
    async with world.connect().campaign(leader(M1), ttl=10):
        waiting = world.connect().campaign(leader(M2), ttl=10)
        entering = asyncio.create_task(waiting.__aenter__())
        await asyncio.sleep(0.05)
        await expire(world, world.keys.leader)
        second = await soon(entering)
        await second.commit([Place(entry())])
        await waiting.__aexit__(None, None, None)


WRITES: dict[str, list[EngineWrite]] = {
    "place": [Place(entry())],
    "displace": [Displace(M1, "old.service")],
    "ask": [Ask(offer())],
    "settle": [Settle("old.service", (M1,))],
    "explain": [Explain(A, Verdict(A, "it waits", 1))],
    "forget": [Explain("old.service", None)],
    "discard": [Discard(unit_file().hash, 1 << 40)],
    "many": [Place(entry(f"u{n}.service")) for n in range(250)],
}


@pytest.mark.parametrize("writes", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("end", ["expired", "removed", "succeeded"])
async def test_nothing_lands_of_a_deposed_leader(
    world: World, registry: Registry, writes: list[EngineWrite], end: str
) -> None:
    old = Verdict("old.service", "it was there first", 1)
    await registry.save(job("old.service"), unit_file(), seen=None)
    async with registry.campaign(leader(M1), ttl=10) as deposed, registry.follow(Everything()) as view:
        await deposed.commit(
            [Place(entry("old.service")), Ask(offer("kept.service")), Explain(old.name, old)]
        )
        await _depose(world, deposed, end)
        before = await view.fresh()
        with pytest.raises(Deposed):
            await deposed.commit(writes)
        after = await view.fresh()
        assert (after.schedule, after.offers, after.bids) == (before.schedule, before.offers, before.bids)
        assert after.files.keys() == {unit_file().hash}
        assert (await registry.verdict(old.name), await registry.verdict(A)) == (old, None)
        await soon(deposed.wait_lost())


async def _depose(world: World, leadership: Leadership, end: str) -> None:
    if end == "removed":
        await delete(world, "leader")
        return
    await expire(world, world.keys.leader)
    if end == "succeeded":
        async with world.connect().campaign(leader(M2), ttl=10):
            pass


async def test_all_writes_of_a_commit_take_place_in_order(registry: Registry) -> None:
    await registry.save(job(), unit_file(), seen=None)
    async with registry.campaign(leader(), ttl=10) as leadership, registry.follow(Everything()) as view:
        revision = await leadership.commit(
            [
                Place(entry(state=LOADED)),
                Place(entry("b.service")),
                Displace(M1, "b.service"),
                Displace(M1, A),
                Place(entry()),
                Settle(A, (M1,)),
                Ask(offer()),
                Displace(M2, "never.service"),
            ]
        )
        picture = await view.reached(revision)
        assert picture.schedule == {A: {M1: entry()}}
        assert picture.offers == {A: {M1: offer()}}


async def test_a_commit_larger_than_a_transaction_takes_place_in_order(registry: Registry) -> None:
    names = [f"u{n}.service" for n in range(333)]
    async with registry.campaign(leader(), ttl=10) as leadership, registry.follow(Everything()) as view:
        revision = await leadership.commit([Place(entry(name)) for name in names])
        assert set((await view.reached(revision)).schedule) == set(names)
        revision = await leadership.commit([Displace(M1, name) for name in names])
        assert (await view.reached(revision)).schedule == {}


async def test_a_commit_of_nothing_returns_a_revision(registry: Registry) -> None:
    async with registry.campaign(leader(), ttl=10) as leadership, registry.follow(Everything()) as view:
        await soon(view.reached(await leadership.commit([])))


async def test_an_entry_can_be_moved_from_one_machine_to_another(registry: Registry) -> None:
    await registry.save(job(), unit_file(), seen=None)
    async with registry.campaign(leader(), ttl=10) as leadership, registry.follow(Everything()) as view:
        await leadership.commit([Place(entry(machine=M1))])
        await leadership.commit([Displace(M1, A), Place(entry(machine=M2))])
        assert (await view.fresh()).schedule == {A: {M2: entry(machine=M2)}}


async def test_an_auction_from_the_offers_to_the_award(registry: Registry) -> None:
    await registry.save(job(), unit_file(), seen=None)
    async with (
        registry.join(machine(M1), ttl=10) as one,
        registry.join(machine(M2), ttl=10) as two,
        registry.campaign(leader(), ttl=10) as leadership,
        registry.follow(Everything()) as view,
    ):
        await leadership.commit([Ask(offer(machine=M1)), Ask(offer(machine=M2))])
        await one.bid([bid(machine=M1)])
        await two.bid([bid(machine=M2, refusal="memory is short")])
        picture = await seen(view, lambda p: len(p.bids.get(A, {})) == 2)
        assert picture.bids[A] == {M1: bid(machine=M1), M2: bid(machine=M2, refusal="memory is short")}
        revision = await leadership.commit([Settle(A, (M1, M2)), Place(entry(machine=M1))])
        picture = await view.reached(revision)
        assert (picture.offers, picture.bids) == ({}, {})
        assert picture.schedule == {A: {M1: entry(machine=M1)}}


async def test_a_bid_on_an_offer_that_no_longer_stands_is_dropped(registry: Registry) -> None:
    async with (
        registry.join(machine(), ttl=10) as session,
        registry.campaign(leader(), ttl=10) as leadership,
        registry.follow(Everything()) as view,
    ):
        await leadership.commit([Ask(offer(id="o2")), Ask(offer("b.service", id="o1"))])
        await session.bid(
            [bid(offer="o1"), bid("b.service", offer="o1"), bid("never.service"), bid(offer="o")]
        )
        assert (await view.fresh()).bids == {"b.service": {M1: bid("b.service", offer="o1")}}


async def test_of_several_answers_the_one_to_the_standing_offer_counts(registry: Registry) -> None:
    async with (
        registry.join(machine(), ttl=10) as session,
        registry.campaign(leader(), ttl=10) as leadership,
        registry.follow(Everything()) as view,
    ):
        await leadership.commit([Ask(offer(id="o2"))])
        await session.bid([bid(offer="o2"), bid(offer="o1", refusal="too late"), bid(offer="o3")])
        assert (await view.fresh()).bids == {A: {M1: bid(offer="o2")}}


async def test_offers_end_with_the_leader_that_made_them(world: World, registry: Registry) -> None:
    await registry.save(job(), unit_file(), seen=None)
    async with registry.campaign(leader(), ttl=10) as leadership, registry.follow(Everything()) as view:
        await leadership.commit([Ask(offer()), Place(entry())])
        await expire(world, world.keys.leader)
        picture = await seen(view, lambda p: p.leader is None)
        assert picture.offers == {}
        assert picture.schedule == {A: {M1: entry()}}


async def test_settling_one_unit_leaves_those_with_longer_names_alone(registry: Registry) -> None:
    async with (
        registry.join(machine(), ttl=10) as session,
        registry.campaign(leader(), ttl=10) as leadership,
        registry.follow(Everything()) as view,
    ):
        await leadership.commit([Ask(offer("a.service")), Ask(offer("a.service.service"))])
        await session.bid([bid("a.service"), bid("a.service.service")])
        await leadership.commit([Settle("a.service", (M1,))])
        assert set((await view.fresh()).bids) == {"a.service.service"}


async def test_a_restarted_daemon_leads_on_at_once_and_its_writes_count(world: World) -> None:
    async with world.connect().campaign(leader(M1), ttl=60) as before:
        await before.commit([Place(entry())])
    async with asyncio.timeout(15), world.connect().campaign(leader(M1), ttl=60) as after:
        await after.commit([Displace(M1, entry().name)])
