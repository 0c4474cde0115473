"""What may go wrong with members of etcd."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial

import pytest

from registry.errors import Unavailable
from registry.port import Everything, OneMachine
from tests.registry.builders import LOADED, M1, A, job, machine, report, unit_file
from tests.registry.conftest import FAST_ELECTIONS
from tests.registry.members import ETCD, Cluster, Member
from tests.registry.world import EtcdWorld, etcd_world, seen, soon

pytestmark = pytest.mark.skipif(ETCD is None, reason="etcd is not installed")

SHORT = 0.4
"""Seconds for one request in these tests."""


@pytest.fixture
def own_etcd() -> Iterator[Cluster]:
    """An etcd that a test may break."""
    with Cluster(options=FAST_ELECTIONS) as cluster:
        yield cluster


@pytest.fixture
def three() -> Iterator[Cluster]:
    with Cluster(3, options=FAST_ELECTIONS) as cluster:
        yield cluster


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
                for ask in (partial(registry.job, A), view.fresh, partial(registry.set_metadata, M1, {})):
                    with pytest.raises(Unavailable, match=member.client_url.removeprefix("http://")):
                        await soon(ask())
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
