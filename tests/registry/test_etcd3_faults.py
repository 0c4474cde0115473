"""What may go wrong between a daemon and etcd, on real members."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial

import pytest

from registry.errors import Deposed, Unavailable
from registry.etcd3.faults import Compacted
from registry.etcd3.watch import Watch
from registry.port import Everything, OneMachine, Place, Scope
from tests.registry.builders import LOADED, M1, M2, A, entry, job, leader, machine, report, unit_file
from tests.registry.cable import Cable, cable_to
from tests.registry.conftest import FAST_ELECTIONS
from tests.registry.members import ETCD, Cluster, Member
from tests.registry.world import EtcdWorld, etcd_world, seen, soon

pytestmark = pytest.mark.skipif(ETCD is None, reason="etcd is not installed")

SCOPES: tuple[Scope, ...] = (Everything(), OneMachine(M1))
SHORT = 0.4
"""Seconds for one request in these tests."""


@pytest.fixture
async def cable(etcd: Cluster) -> AsyncIterator[Cable]:
    async with cable_to(etcd.urls[0]) as cable:
        yield cable


@pytest.fixture
async def far(cable: Cable, prefix: str) -> AsyncIterator[EtcdWorld]:
    """The same part of etcd as `etcd_only`, at the other end of a cable."""
    async with etcd_world((cable.url,), prefix, timeout=SHORT) as world:
        yield world


@pytest.fixture
def own_etcd() -> Iterator[Cluster]:
    """An etcd that a test may break."""
    with Cluster(options=FAST_ELECTIONS) as cluster:
        yield cluster


@pytest.fixture
def three() -> Iterator[Cluster]:
    with Cluster(3, options=FAST_ELECTIONS) as cluster:
        yield cluster


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_view_misses_nothing_of_what_happened_while_it_was_cut_off(
    cable: Cable, far: EtcdWorld, etcd_only: EtcdWorld, scope: Scope, caplog: pytest.LogCaptureFixture
) -> None:
    near = etcd_only.connect()
    await near.save(job("gone.service", is_global=True), unit_file(), seen=None)
    async with far.connect().follow(scope) as view:
        before = view.picture
        await cable.cut()
        gone = await near.job("gone.service")
        assert gone is not None
        await near.destroy(gone)
        await near.save(job(is_global=True), unit_file(), seen=None)
        with caplog.at_level(logging.INFO), pytest.raises(Unavailable, match=r"127\.0\.0\.1:\d+: .*refused"):
            await soon(view.fresh())
        assert view.picture is before
        with caplog.at_level(logging.INFO):
            await cable.heal()
            picture = await seen(view, lambda p: A in p.jobs)
        assert picture.jobs == {A: job(is_global=True)}
        assert (await soon(view.fresh())).jobs == {A: job(is_global=True)}
    said = [r.getMessage() for r in caplog.records if r.name == "registry.etcd3.client"]
    assert [line.split(":")[0].split(",")[0] for line in said] == ["lost", "back"]
    assert all("127.0.0.1" in line for line in said)


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_view_is_read_anew_when_its_past_was_compacted(
    cable: Cable, far: EtcdWorld, etcd_only: EtcdWorld, scope: Scope
) -> None:
    near = etcd_only.connect()
    async with far.connect().follow(scope) as view:
        await near.save(job("old.service", is_global=True), unit_file(), seen=None)
        await soon(view.fresh())
        await cable.cut()
        old = await near.job("old.service")
        assert old is not None
        await near.destroy(old)
        revision = await near.save(job(is_global=True), unit_file(), seen=None)
        await compact(etcd_only, revision)
        await cable.heal()
        picture = await seen(view, lambda p: A in p.jobs)
        assert picture.jobs == {A: job(is_global=True)}
        assert picture.revision >= revision


async def compact(world: EtcdWorld, revision: int) -> None:
    request = world.client.stubs.CompactionRequest(revision=revision, physical=True)
    await world.client.call("KV.Compact", request, again=False)


async def test_a_watch_of_a_compacted_past_says_so(etcd_only: EtcdWorld) -> None:
    near = etcd_only.connect()
    first = await near.set_metadata(M1, {"a": "1"})
    await compact(etcd_only, await near.set_metadata(M1, {"a": "2"}))
    with pytest.raises(Compacted):
        async with Watch(etcd_only.client, etcd_only.keys.ranges(Everything()), first) as watch:
            await soon(watch.next())


async def test_a_write_whose_answer_was_lost_is_not_repeated(
    cable: Cable, far: EtcdWorld, etcd_only: EtcdWorld
) -> None:
    registry = far.connect()
    await registry.save(job(), unit_file(), seen=None)
    first = await registry.job(A)
    cable.swallow_answers()
    with pytest.raises(Unavailable):
        await soon(registry.save(job(state=LOADED), None, seen=first))
    await cable.heal()
    later = await etcd_only.connect().job(A)
    assert first is not None
    assert later == job(state=LOADED)
    assert later.version == first.version + 1


async def test_joining_again_after_an_answer_was_lost_is_not_blocked_by_oneself(
    cable: Cable, far: EtcdWorld, etcd_only: EtcdWorld
) -> None:
    registry = far.connect()
    await registry.job(A)
    async with etcd_only.connect().follow(Everything()) as view:

        async def swallow_when_present() -> None:
            await seen(view, lambda p: M1 in p.machines)

        joining = registry.join(machine(), ttl=30)
        grant = asyncio.create_task(joining.__aenter__())
        await asyncio.sleep(0)
        cable.swallow_answers()
        with pytest.raises(Unavailable):
            await soon(grant)
        await cable.heal()
        async with registry.join(machine(), ttl=30) as session:
            await session.report([report()], [])
            assert (await view.fresh()).reports == {A: {M1: report()}}
        await soon(swallow_when_present())


async def test_a_leader_that_is_cut_off_stops_by_its_own_clock(
    cable: Cable, far: EtcdWorld, etcd_only: EtcdWorld
) -> None:
    async with far.connect().campaign(leader(M1), ttl=2) as cut_off:
        await cut_off.commit([Place(entry())])
        await cable.cut()
        async with etcd_only.connect().campaign(leader(M2), ttl=2) as successor:
            await soon(cut_off.wait_lost())
            await cable.heal()
            with pytest.raises(Deposed):
                await cut_off.commit([Place(entry(state=LOADED))])
            await successor.commit([Place(entry(machine=M2))])
        async with etcd_only.connect().follow(Everything()) as view:
            assert view.picture.schedule == {A: {M1: entry(), M2: entry(machine=M2)}}


async def test_a_campaign_waits_while_etcd_is_away(cable: Cable, far: EtcdWorld) -> None:
    await cable.cut()
    campaign = far.connect().campaign(leader(), ttl=5)
    waiting = asyncio.create_task(campaign.__aenter__())
    await asyncio.sleep(2 * SHORT)
    assert not waiting.done()
    await cable.heal()
    await (await soon(waiting)).resign()
    await campaign.__aexit__(None, None, None)


async def test_following_waits_while_etcd_is_away_and_says_what_it_waits_for(
    cable: Cable, far: EtcdWorld, caplog: pytest.LogCaptureFixture
) -> None:
    await cable.cut()
    following = far.connect().follow(Everything())
    with caplog.at_level(logging.INFO):
        waiting = asyncio.create_task(following.__aenter__())
        while not caplog.records:  # noqa: ASYNC110  # a log has no event
            await asyncio.sleep(0.05)
    assert cable.url.removeprefix("http://") in caplog.text
    assert "refused" in caplog.text
    await cable.heal()
    assert (await soon(waiting)).picture.jobs == {}
    await following.__aexit__(None, None, None)


async def test_a_session_and_a_view_survive_a_restart_of_etcd(own_etcd: Cluster, prefix: str) -> None:
    (member,) = own_etcd.members
    async with etcd_world(own_etcd.urls, prefix, timeout=1) as world:
        registry = world.connect()
        async with (
            registry.follow(Everything()) as view,
            registry.follow(OneMachine(M1)) as own,
            registry.join(machine(), ttl=3) as session,
        ):
            await session.report([report()], [])
            member.kill()
            await member.restart()
            await soon(session.report([report(active="failed")], []))
            for there in (view, own):
                assert M1 in (await soon(there.fresh())).machines
            assert view.picture.reports == {A: {M1: report(active="failed")}}
            await asyncio.sleep(3.5)
            assert M1 in (await soon(view.fresh())).machines


async def test_a_view_of_an_etcd_that_was_emptied_starts_over(own_etcd: Cluster, prefix: str) -> None:
    (member,) = own_etcd.members
    async with etcd_world(own_etcd.urls, prefix, timeout=1) as world:
        registry = world.connect()
        for n in range(5):
            await registry.save(job(f"u{n}.service"), unit_file(), seen=None)
        async with registry.follow(Everything()) as view:
            member.kill()
            member.forget()
            await member.restart()
            await seen(view, lambda p: not p.jobs)
            revision = await registry.save(job(), unit_file(), seen=None)
            assert (await soon(view.reached(revision))).jobs == {A: job()}


async def test_a_frozen_etcd_ends_every_call_in_time_and_is_used_again_when_it_thaws(
    own_etcd: Cluster, prefix: str
) -> None:
    (member,) = own_etcd.members
    async with etcd_world(own_etcd.urls, prefix, timeout=SHORT) as world:
        registry = world.connect()
        async with registry.follow(Everything()) as view:
            member.freeze()
            try:
                for call in (registry.job(A), view.fresh(), registry.set_metadata(M1, {"a": "b"})):
                    with pytest.raises(Unavailable, match="no answer in time"):
                        await soon(call)
            finally:
                member.thaw()
            await soon(registry.save(job(), unit_file(), seen=None))
            assert (await soon(view.fresh())).jobs == {A: job()}


async def insisting(write: Callable[[], Awaitable[object]]) -> None:
    """Write until it is known that it took place: nobody else writes here."""
    while True:
        try:
            await write()
            return
        except Unavailable:
            continue


async def test_one_of_three_members_may_die(three: Cluster, prefix: str) -> None:
    async with etcd_world(three.urls, prefix, timeout=1) as world:
        registry = world.connect()
        async with (
            registry.follow(Everything()) as view,
            registry.follow(OneMachine(M1)) as own,
            registry.join(machine(), ttl=5) as session,
        ):
            for member in three.members:
                member.kill()
                metadata = {"dead": member.name}
                await soon(insisting(partial(registry.set_metadata, M1, metadata)))
                for there in (view, own):
                    assert dict((await soon(there.fresh())).machines[M1].metadata) == metadata
                await soon(insisting(partial(session.report, [report(active=member.name)], [])))
                await member.restart()
            assert (await soon(view.fresh())).reports == {A: {M1: report(active="e2")}}


async def test_a_watch_on_a_member_that_freezes_moves_to_another(three: Cluster, prefix: str) -> None:
    async with etcd_world(three.urls, prefix, timeout=SHORT) as world:
        writer = world.connect()
        async with world.store.follow(world.keys, Everything()) as view:
            await soon(insisting(lambda: writer.set_metadata(M1, {"a": "b"})))
            await soon(view.fresh())
            frozen, *others = sorted(three.members, key=lambda m: not is_used(m, world))
            frozen.freeze()
            try:
                async with etcd_world(tuple(m.client_url for m in others), prefix) as other:
                    registry = other.connect()
                    await soon(insisting(lambda: registry.save(job(), unit_file(), seen=None)))
                # Nothing but the ping of an idle connection can notice that its watch is dead.
                assert (await seen(view, lambda p: p.jobs)).jobs == {A: job()}
                assert (await soon(view.fresh())).jobs == {A: job()}
            finally:
                frozen.thaw()


def is_used(member: Member, world: EtcdWorld) -> bool:
    return member.client_url.endswith(world.client.channels.address)


async def test_a_lost_quorum_is_unavailable_and_nothing_is_lost_when_it_returns(
    three: Cluster, prefix: str
) -> None:
    async with etcd_world(three.urls, prefix, timeout=SHORT) as world:
        registry = world.connect()
        await registry.save(job(), unit_file(), seen=None)
        async with registry.follow(Everything()) as view:
            for member in three.members[1:]:
                member.kill()
            with pytest.raises(Unavailable):
                await soon(registry.job(A))
            with pytest.raises(Unavailable):
                await soon(view.fresh())
            for member in three.members[1:]:
                await member.restart()
            found = await soon(registry.job(A))
            await soon(registry.save(job(state=LOADED), None, seen=found))
            assert (await soon(view.fresh())).jobs == {A: job(state=LOADED)}


async def test_the_keys_of_others_do_not_hold_up_a_view(etcd_only: EtcdWorld, etcd: Cluster) -> None:
    async with etcd_world(etcd.urls, "/others") as others, etcd_world(etcd.urls, "/") as no_prefix:
        registry = etcd_only.connect()
        await registry.save(job(), unit_file(), seen=None)
        async with registry.follow(Everything()) as view, registry.follow(OneMachine(M1)) as own:
            noticing = asyncio.create_task(view.after(view.picture))
            for n in range(5):
                revision = await others.connect().set_metadata(M1, {"a": str(n)})
                for there in (view, own):
                    assert (await soon(there.fresh())).revision >= revision
            assert not noticing.done()
            found = await registry.job(A)
            assert found is not None
            await registry.destroy(found)
            assert (await soon(noticing)).jobs == {}
        assert no_prefix.keys.prefix == "/"


async def test_a_state_larger_than_a_page_is_read_at_one_revision(etcd_only: EtcdWorld) -> None:
    registry = etcd_only.connect()
    names = [f"u{n}.service" for n in range(4500)]
    async with registry.campaign(leader(), ttl=10) as leadership:
        await leadership.commit([Place(entry(name)) for name in names])
        async with registry.follow(Everything()) as view:
            assert set(view.picture.schedule) == set(names)
        async with registry.follow(OneMachine(M1)) as own:
            assert set(own.picture.schedule) == set(names)
