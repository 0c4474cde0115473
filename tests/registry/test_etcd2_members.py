"""What may go wrong with members of etcd, seen through the v2 API."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import pytest

from registry.errors import Unavailable
from registry.port import Everything
from tests.registry.builders import LOADED, M1, A, job, machine, report, unit_file
from tests.registry.conftest import FAST_ELECTIONS
from tests.registry.layout_world import layout_world
from tests.registry.members import ETCD, Cluster, Member, free_port
from tests.registry.world import seen, soon

pytestmark = pytest.mark.skipif(ETCD is None, reason="etcd is not installed")

SHORT = 0.4
"""Seconds for one request in these tests."""
V2 = (*FAST_ELECTIONS, "--enable-v2")


@pytest.fixture
def own_etcd() -> Iterator[Cluster]:
    """An etcd that a test may break."""
    with Cluster(options=V2) as cluster:
        yield cluster


@pytest.fixture
def three() -> Iterator[Cluster]:
    with Cluster(3, options=V2) as cluster:
        yield cluster


async def test_a_session_and_a_view_survive_a_restart_of_etcd(own_etcd: Cluster, prefix: str) -> None:
    (member,) = own_etcd.members
    async with layout_world(own_etcd.urls, prefix, timeout=1) as world:
        registry = world.connect()
        async with (
            registry.follow(Everything()) as view,
            registry.join(machine(), ttl=6) as session,
        ):
            await session.report([report()], [])
            member.kill()
            await member.restart()
            await insisting(partial(session.report, [report(active="failed")], []))
            assert M1 in (await soon(view.fresh())).machines
            assert view.picture.reports == {A: {M1: report(active="failed")}}
            await asyncio.sleep(4)
            assert M1 in (await soon(view.fresh())).machines


async def test_a_view_of_an_etcd_that_was_emptied_starts_over(own_etcd: Cluster, prefix: str) -> None:
    (member,) = own_etcd.members
    async with layout_world(own_etcd.urls, prefix, timeout=1) as world:
        registry = world.connect()
        for n in range(5):
            await registry.save(job(f"u{n}.service"), unit_file(), seen=None)
        async with registry.follow(Everything()) as view:
            member.kill()
            member.forget()
            await member.restart()
            await seen(view, lambda p: not p.jobs)
            revision = await insisting(partial(registry.save, job(), unit_file(), seen=None))
            assert (await soon(view.reached(revision))).jobs == {A: job()}


async def test_a_frozen_etcd_ends_every_call_in_time_and_is_used_again_when_it_thaws(
    own_etcd: Cluster, prefix: str
) -> None:
    (member,) = own_etcd.members
    async with layout_world(own_etcd.urls, prefix, timeout=SHORT) as world:
        registry = world.connect()
        async with registry.follow(Everything()) as view:
            member.freeze()
            try:
                for ask in (partial(registry.job, A), view.fresh, partial(registry.set_metadata, M1, {})):
                    with pytest.raises(Unavailable, match=member.client_url.removeprefix("http://")):
                        await soon(ask())
            finally:
                member.thaw()
            await insisting(partial(registry.save, job(), unit_file(), seen=None))
            assert (await soon(view.fresh())).jobs == {A: job()}


async def insisting(write: Callable[[], Awaitable[Any]]) -> Any:
    """Write until it is known that it took place: nobody else writes here."""
    while True:
        try:
            return await soon(write())
        except Unavailable:
            await asyncio.sleep(0.05)


async def test_one_of_three_members_may_die_or_freeze(three: Cluster, prefix: str) -> None:
    async with layout_world(three.urls, prefix, timeout=SHORT) as world:
        registry = world.connect()
        async with (
            registry.follow(Everything()) as view,
            registry.join(machine(), ttl=10) as session,
        ):
            for n, (hurt, mend) in enumerate(HURTS):
                member = three.members[n]
                hurt(member)
                # The session's way through a member that is frozen takes a few time-outs.
                await insisting(partial(session.report, [report(active=f"s{n}")], []))
                assert (await soon(view.fresh())).reports[A][M1].active == f"s{n}"
                mend(member)


HURTS: tuple[tuple[Callable[[Member], None], Callable[[Member], None]], ...] = (
    (Member.freeze, Member.thaw),
    (Member.kill, Member.start),
)


async def test_a_dead_endpoint_is_left_for_a_living_one(etcd: Cluster, prefix: str) -> None:
    """1.0 never got past a first endpoint that was dead: creating its presence was not tried elsewhere."""
    dead = f"http://127.0.0.1:{free_port()}"
    async with layout_world((dead, *etcd.urls), prefix) as world:
        world.raw.close()
        joining = world.connect().join(machine(), ttl=10)
        await soon(joining.__aenter__())
        await joining.__aexit__(None, None, None)


async def test_a_lost_quorum_is_unavailable_and_nothing_is_lost_when_it_returns(
    three: Cluster, prefix: str
) -> None:
    async with layout_world(three.urls, prefix, timeout=SHORT) as world:
        registry = world.connect()
        await insisting(partial(registry.save, job(), unit_file(), seen=None))
        async with registry.follow(Everything()) as view:
            for member in three.members[1:]:
                member.kill()
            with pytest.raises(Unavailable, match=r"127\.0\.0\.1"):
                await soon(registry.job(A))
            with pytest.raises(Unavailable):
                await soon(view.fresh())
            for member in three.members[1:]:
                await member.restart()
            while await _job_or_none(registry.job) is None:  # noqa: ASYNC110  # a quorum tells nobody
                await asyncio.sleep(0.1)
            found = await soon(registry.job(A))
            await insisting(partial(registry.save, job(state=LOADED), None, seen=found))
            assert (await soon(view.fresh())).jobs == {A: job(state=LOADED)}


async def _job_or_none(read: Callable[[str], Awaitable[object]]) -> object:
    try:
        return await soon(read(A))
    except Unavailable:
        return None
