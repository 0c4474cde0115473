"""What the store in memory can do for tests, beyond the contract."""

from __future__ import annotations

import asyncio

import pytest

from registry.errors import Deposed, Lost, Occupied, Unavailable
from registry.memory import MemoryRegistry, MemoryStore
from registry.port import Everything, Place
from tests.registry.builders import M1, A, entry, job, leader, machine, report, unit_file
from tests.registry.world import soon


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def registry(store: MemoryStore) -> MemoryRegistry:
    return MemoryRegistry(store)


async def test_an_expired_machine_is_lost_at_once(store: MemoryStore, registry: MemoryRegistry) -> None:
    async with registry.follow(Everything()) as view, registry.join(machine(), ttl=30) as session:
        await session.report([report()], [])
        store.expire(M1)
        await soon(session.wait_lost())
        assert (view.picture.machines, view.picture.reports) == ({}, {})
        with pytest.raises(Lost):
            await session.report([report()], [])


async def test_a_deposed_leader_learns_it_at_once(store: MemoryStore, registry: MemoryRegistry) -> None:
    async with registry.campaign(leader(), ttl=30) as leadership:
        store.depose()
        await soon(leadership.wait_lost())
        with pytest.raises(Deposed):
            await leadership.commit([Place(entry())])
        assert store.dump() == {}


async def test_a_store_that_is_away_answers_nobody_and_its_views_stand_still(
    store: MemoryStore, registry: MemoryRegistry
) -> None:
    async with registry.follow(Everything()) as view, registry.join(machine(), ttl=30) as session:
        before = view.picture
        store.go_away()
        with pytest.raises(Unavailable):
            await registry.save(job(), unit_file(), seen=None)
        with pytest.raises(Unavailable):
            await view.fresh()
        with pytest.raises(Unavailable):
            await session.report([report()], [])
        store.put("later", b"")
        store.expire(M1)
        assert view.picture is before
        waiting = asyncio.create_task(view.after(before))
        store.come_back()
        assert (await soon(waiting)).machines == {}


async def test_leases_do_not_end_while_the_store_is_away(
    store: MemoryStore, registry: MemoryRegistry
) -> None:
    async with registry.join(machine(), ttl=0.2) as session:
        store.go_away()
        await asyncio.sleep(0.5)
        store.come_back()
        await session.report([report()], [])


async def test_a_leader_does_not_trust_its_lease_while_the_store_is_away(
    store: MemoryStore, registry: MemoryRegistry
) -> None:
    async with registry.campaign(leader(), ttl=0.2) as leadership:
        store.go_away()
        await soon(leadership.wait_lost())
        store.come_back()
        with pytest.raises(Deposed):
            await leadership.commit([Place(entry())])


async def test_following_and_campaigning_wait_for_a_store_that_is_away(
    store: MemoryStore, registry: MemoryRegistry
) -> None:
    await registry.save(job(), unit_file(), seen=None)
    store.go_away()
    following = registry.follow(Everything())
    campaign = registry.campaign(leader(), ttl=30)
    waiting = asyncio.gather(following.__aenter__(), campaign.__aenter__())
    await asyncio.sleep(0.05)
    assert not waiting.done()
    store.come_back()
    view, _ = await soon(waiting)
    assert view.picture.jobs == {A: job()}
    await campaign.__aexit__(None, None, None)
    await following.__aexit__(None, None, None)


async def test_joining_again_after_an_answer_was_lost_is_not_blocked_by_oneself(
    store: MemoryStore, registry: MemoryRegistry
) -> None:
    store.lose_answer()
    with pytest.raises(Unavailable):
        async with registry.join(machine(), ttl=30):
            pass
    with pytest.raises(Occupied):
        async with MemoryRegistry(store).join(machine(), ttl=30):
            pass
    async with registry.join(machine(), ttl=30) as session:
        await session.report([report()], [])


async def test_who_took_the_lead_without_learning_of_it_leads(
    store: MemoryStore, registry: MemoryRegistry
) -> None:
    store.lose_answer()
    async with registry.campaign(leader(), ttl=30) as leadership:
        await leadership.commit([Place(entry())])


async def test_a_lost_answer_is_no_conflict(store: MemoryStore, registry: MemoryRegistry) -> None:
    store.lose_answer()
    with pytest.raises(Unavailable):
        await registry.save(job(), unit_file(), seen=None)
    assert await registry.job(A) == job()


async def test_a_batch_that_breaks_off_is_known_to_be_incomplete(
    store: MemoryStore, registry: MemoryRegistry
) -> None:
    names = [f"u{n}.service" for n in range(250)]
    async with registry.campaign(leader(), ttl=30) as leadership, registry.follow(Everything()) as view:
        store.lose_answer()
        with pytest.raises(Unavailable):
            await leadership.commit([Place(entry(name)) for name in names])
        assert set((await view.fresh()).schedule) == set(names[:100])
        await leadership.commit([Place(entry(name)) for name in names])
        assert set((await view.fresh()).schedule) == set(names)


async def test_a_leader_whose_lease_is_renewed_leads_on(registry: MemoryRegistry) -> None:
    async with registry.campaign(leader(), ttl=1) as leadership:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await leadership.wait_lost()
        await leadership.commit([Place(entry())])
