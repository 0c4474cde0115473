"""The contract for the presence of hosts."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from registry.errors import Lost, Occupied
from registry.port import Ask, Everything, Registry
from tests.registry.builders import M1, A, bid, leader, machine, offer, report
from tests.registry.world import World, delete, expire, put, seen, soon


async def test_a_machine_that_joined_is_present(registry: Registry) -> None:
    async with registry.follow(Everything()) as view, registry.join(machine(zone="z"), ttl=10):
        assert (await view.fresh()).machines == {M1: machine(zone="z")}


async def test_a_second_daemon_with_the_same_id_is_told_who_is_there(world: World) -> None:
    async with world.connect().join(machine(ip="198.18.0.7"), ttl=10):
        with pytest.raises(Occupied) as refused:
            async with world.connect().join(machine(), ttl=10):
                pass
    said = str(refused.value)
    assert M1 in said
    assert "198.18.0.7" in said
    assert "2.0.0" in said
    assert "/etc/machine-id" in said


async def test_an_id_held_by_an_unreadable_record_is_occupied_too(world: World) -> None:
    await put(world, f"machine/{M1}", b"{")
    with pytest.raises(Occupied, match=M1):
        async with world.connect().join(machine(), ttl=10):
            pass


async def test_leaving_the_context_does_not_end_the_presence(registry: Registry) -> None:
    async with registry.follow(Everything()) as view:
        async with registry.join(machine(), ttl=10) as session:
            pass
        assert M1 in (await view.fresh()).machines
        await session.leave()


async def test_who_leaves_takes_all_it_said_along_in_one_moment(registry: Registry) -> None:
    async with (
        registry.follow(Everything()) as view,
        registry.join(machine(), ttl=10) as session,
        registry.campaign(leader(), ttl=10) as leadership,
    ):
        await leadership.commit([Ask(offer())])
        await session.report([report()], [])
        await session.bid([bid()])
        before = await view.fresh()
        assert (set(before.machines), set(before.reports), set(before.bids)) == ({M1}, {A}, {A})
        await session.leave()
        after = await seen(view, lambda p: not p.machines)
        assert (after.reports, after.bids) == ({}, {})
        await soon(session.wait_lost())


async def test_who_leaves_in_order_is_known_to_have_left_until_it_is_back(registry: Registry) -> None:
    async with registry.follow(Everything()) as view:
        async with registry.join(machine(), ttl=10) as session:
            assert (await view.fresh()).left == {}
            await session.leave()
            away = await seen(view, lambda p: not p.machines)
        assert set(away.left) == {M1}
        async with registry.join(machine(), ttl=10) as session:
            back = await seen(view, lambda p: p.machines and not p.left)
            assert (set(back.machines), back.left) == ({M1}, {})
            await session.leave()


async def test_a_session_goes_on_after_a_restart_and_nobody_notices(world: World) -> None:
    registry = world.connect()
    async with registry.follow(Everything()) as view:
        async with registry.join(machine(), ttl=10) as first:
            await first.report([report()], [])
        picture = await view.fresh()
        noticing = asyncio.create_task(view.after(picture))
        async with world.connect().join(machine(), ttl=10, resume=first.token) as second:
            assert second.token == first.token
            await view.fresh()
            assert not noticing.done()
            noticing.cancel()
            await second.report([report(active="failed")], [])
            assert (await view.fresh()).reports == {A: {M1: report(active="failed")}}


async def test_a_resumed_session_says_what_has_changed(world: World) -> None:
    async with world.connect().join(machine(ip="198.18.0.1"), ttl=10) as first:
        await first.report([report()], [])
    registry = world.connect()
    async with (
        registry.follow(Everything()) as view,
        registry.join(machine(ip="198.18.0.2"), ttl=10, resume=first.token) as second,
    ):
        picture = await view.fresh()
        assert picture.machines[M1].ip == "198.18.0.2"
        assert A in picture.reports
        assert second.token == first.token


@pytest.mark.parametrize("token", ["", "nonsense", "zz.1", "1.1", "7fffffffffffffff.3"])
async def test_a_token_of_no_session_joins_anew(registry: Registry, token: str) -> None:
    async with registry.join(machine(), ttl=10, resume=token) as session:
        assert session.token != token


async def test_a_token_of_an_ended_session_joins_anew(world: World, registry: Registry) -> None:
    async with registry.join(machine(), ttl=10) as first:
        await first.report([report()], [])
        await expire(world, world.keys.machine(M1))
    async with (
        registry.follow(Everything()) as view,
        registry.join(machine(), ttl=10, resume=first.token) as second,
    ):
        assert second.token != first.token
        assert (await view.fresh()).reports == {}


async def test_a_token_does_not_take_over_the_session_of_another_daemon(world: World) -> None:
    async with world.connect().join(machine(), ttl=10) as first:
        await first.leave()
    async with world.connect().join(machine(), ttl=10):
        with pytest.raises(Occupied):
            async with world.connect().join(machine(), ttl=10, resume=first.token):
                pass


async def test_a_token_whose_presence_another_daemon_has_taken_joins_anew(world: World) -> None:
    async with world.connect().join(machine(), ttl=10) as first:
        await delete(world, f"machine/{M1}")
        async with world.connect().join(machine(), ttl=10):
            with pytest.raises(Occupied):
                async with world.connect().join(machine(), ttl=10, resume=first.token):
                    pass


async def test_nothing_is_written_once_the_lease_has_ended(world: World, registry: Registry) -> None:
    async with registry.follow(Everything()) as view, registry.join(machine(), ttl=10) as session:
        await expire(world, world.keys.machine(M1))
        with pytest.raises(Lost, match=M1):
            await session.report([report()], [])
        with pytest.raises(Lost):
            await session.bid([bid()])
        with pytest.raises(Lost):
            await session.renew(machine())
        await soon(session.wait_lost())
        picture = await view.fresh()
        assert (picture.machines, picture.reports, picture.bids) == ({}, {}, {})


async def test_a_session_does_not_write_into_that_of_its_successor(world: World) -> None:
    async with world.connect().join(machine(), ttl=10) as first:
        await expire(world, world.keys.machine(M1))
        registry = world.connect()
        async with registry.join(machine(), ttl=10), registry.follow(Everything()) as view:
            with pytest.raises(Lost):
                await first.report([report()], [])
            assert (await view.fresh()).reports == {}


async def test_a_session_forgets_nothing_that_its_successor_has_said(world: World) -> None:
    async with world.connect().join(machine(), ttl=10) as first:
        await first.report([report()], [])
        await expire(world, world.keys.machine(M1))
        registry = world.connect()
        async with registry.join(machine(), ttl=10) as second, registry.follow(Everything()) as view:
            await second.report([report(active="failed")], [])
            with pytest.raises(Lost):
                await first.report([], [A])
            assert (await view.fresh()).reports == {A: {M1: report(active="failed")}}


async def test_a_presence_that_somebody_removed_is_lost_at_the_next_word(
    world: World, registry: Registry
) -> None:
    async with registry.join(machine(), ttl=10) as session:
        await delete(world, f"machine/{M1}")
        with pytest.raises(Lost):
            await session.report([report()], [])
        await soon(session.wait_lost())


async def test_changed_facts_are_published_under_the_same_lease(world: World, registry: Registry) -> None:
    async with registry.follow(Everything()) as view, registry.join(machine(), ttl=10) as session:
        await session.renew(replace(machine(), ip="198.18.9.9"))
        assert (await view.fresh()).machines[M1].ip == "198.18.9.9"
        await session.report([report()], [])
        await expire(world, world.keys.machine(M1))
        assert (await seen(view, lambda p: not p.machines)).reports == {}


async def test_reports_are_published_changed_and_forgotten(registry: Registry) -> None:
    async with registry.follow(Everything()) as view, registry.join(machine(), ttl=10) as session:
        await session.report([report("a.service"), report("b.service")], [])
        await session.report([report("b.service", active="failed")], ["a.service", "never.service"])
        assert (await view.fresh()).reports == {"b.service": {M1: report("b.service", active="failed")}}


async def test_more_reports_than_a_transaction_takes_arrive_all(registry: Registry) -> None:
    names = [f"u{n}.service" for n in range(350)]
    async with registry.follow(Everything()) as view, registry.join(machine(), ttl=60) as session:
        await session.report([report(name) for name in names], [])
        assert set((await view.fresh()).reports) == set(names)
        await session.report([], names)
        assert (await view.fresh()).reports == {}


async def test_a_lease_is_kept_for_longer_than_its_time(world: World) -> None:
    registry = world.connect()
    async with registry.follow(Everything()) as view:
        async with registry.join(machine(), ttl=3) as session:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(5):
                    await session.wait_lost()
            assert M1 in (await view.fresh()).machines
        await seen(view, lambda p: not p.machines)


async def test_a_session_is_certain_until_its_lease_has_ended(world: World, registry: Registry) -> None:
    async with registry.join(machine(M1), ttl=10) as session:
        assert session.is_certain
        assert 0 < session.certain_for <= 10
        await soon(session.wait_certain(True))
        await session.leave()
        assert not session.is_certain
        assert session.certain_for == 0
        await soon(session.wait_certain(False))


async def test_a_session_whose_record_was_removed_by_hand_is_lost_as_soon_as_it_is_looked_at(
    world: World, registry: Registry
) -> None:
    async with registry.join(machine(M1), ttl=10) as session:
        await session.prove()
        await delete(world, f"machine/{M1}")
        with pytest.raises(Lost):
            await session.prove()
        await soon(session.wait_lost())
