"""What may go wrong with members of etcd, in both versions of its API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Protocol

import pytest

from registry.errors import Unavailable
from registry.port import Everything, OneMachine, Registry, Scope
from registry.records import Job
from tests.ports import free_port
from tests.registry.builders import M1, A, job, machine, report, unit_file
from tests.registry.conftest import FAST_ELECTIONS
from tests.registry.layout_world import layout_world
from tests.registry.members import ETCD, Cluster
from tests.registry.partition import Divisible, divisible
from tests.registry.waiting import insisting
from tests.registry.world import SOON, etcd_world, seen, soon

pytestmark = pytest.mark.skipif(ETCD is None, reason="etcd is not installed")

SHORT = 0.4
"""Seconds for one request in these tests."""
FOR_EVER = 60.0
"""Seconds for one request that no test waits for."""
OPTIONS = (*FAST_ELECTIONS, "--enable-v2")
SCOPES = pytest.mark.parametrize("scope", [Everything(), OneMachine(M1)], ids=["all", "one machine"])


class Connected(Protocol):
    """A part of a store."""

    def connect(self) -> Registry: ...


class Opens(Protocol):
    """Makes one."""

    def __call__(
        self, urls: tuple[str, ...], prefix: str, *, timeout: float
    ) -> AbstractAsyncContextManager[Connected]: ...


async def stored(registry: Registry) -> Job:
    """A unit that all machines see, which may have been stored though that was not known."""
    if (found := await registry.job(A)) is None:
        await registry.save(job(is_global=True), unit_file(is_global=True), seen=None)
        found = await registry.job(A)
    assert found is not None
    return found


@pytest.fixture(params=[etcd_world, layout_world], ids=["v3", "v2"])
def part(request: pytest.FixtureRequest) -> Opens:
    """How a part of etcd is reached."""
    opens: Opens = request.param
    return opens


@pytest.fixture
def own_etcd() -> Iterator[Cluster]:
    """An etcd that a test may break."""
    with Cluster(options=OPTIONS) as cluster:
        yield cluster


@pytest.fixture
def three() -> Iterator[Cluster]:
    with Cluster(3, options=OPTIONS) as cluster:
        yield cluster


async def test_a_session_and_views_survive_a_restart_of_etcd(
    own_etcd: Cluster, prefix: str, part: Opens
) -> None:
    (member,) = own_etcd.members
    async with part(own_etcd.urls, prefix, timeout=1) as world:
        registry = world.connect()
        async with (
            registry.follow(Everything()) as view,
            registry.follow(OneMachine(M1)) as own,
            registry.join(machine(), ttl=6) as session,
        ):
            await session.report([report()], [])
            member.kill()
            await member.restart()
            await soon(insisting(partial(session.report, [report(active="failed")], [])))
            for there in (view, own):
                assert M1 in (await soon(there.fresh())).machines
            assert view.picture.reports == {A: {M1: report(active="failed")}}
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(7):
                    await session.wait_lost()
            assert M1 in (await soon(view.fresh())).machines


async def test_a_view_of_an_etcd_that_was_emptied_starts_over(
    own_etcd: Cluster, prefix: str, part: Opens
) -> None:
    (member,) = own_etcd.members
    async with part(own_etcd.urls, prefix, timeout=1) as world:
        registry = world.connect()
        for n in range(5):
            await registry.save(job(f"u{n}.service"), unit_file(), seen=None)
        async with registry.follow(Everything()) as view:
            member.kill()
            member.forget()
            await member.restart()
            await seen(view, lambda p: not p.jobs)
            found = await soon(insisting(partial(stored, registry)))
            assert (await soon(view.reached(found.version))).jobs == {A: found}


async def test_a_frozen_etcd_ends_every_call_in_time_and_is_used_again_when_it_thaws(
    own_etcd: Cluster, prefix: str, part: Opens
) -> None:
    (member,) = own_etcd.members
    async with part(own_etcd.urls, prefix, timeout=SHORT) as world:
        registry = world.connect()
        async with registry.follow(Everything()) as view:
            member.freeze()
            try:
                for ask in (partial(registry.job, A), view.fresh, partial(registry.set_metadata, M1, {})):
                    with pytest.raises(Unavailable, match=member.client_url.removeprefix("http://")):
                        await soon(ask())
            finally:
                member.thaw()
            found = await soon(insisting(partial(stored, registry)))
            assert (await soon(view.fresh())).jobs == {A: found}


async def test_each_of_three_members_may_die(three: Cluster, prefix: str, part: Opens) -> None:
    async with part(three.urls, prefix, timeout=1) as world:
        registry = world.connect()
        async with (
            registry.follow(Everything()) as view,
            registry.follow(OneMachine(M1)) as own,
            registry.join(machine(), ttl=10) as session,
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


async def test_each_of_three_members_may_freeze(three: Cluster, prefix: str, part: Opens) -> None:
    async with part(three.urls, prefix, timeout=SHORT) as world:
        registry = world.connect()
        async with (
            registry.follow(Everything()) as view,
            registry.join(machine(), ttl=20) as session,
        ):
            for member in three.members:
                member.freeze()
                try:
                    await soon(insisting(partial(session.report, [report(active=member.name)], [])))
                    said = (await soon(insisting(view.fresh))).reports[A][M1]
                    assert said.active == member.name
                finally:
                    member.thaw()


async def test_a_dead_member_is_left_at_once(etcd: Cluster, prefix: str, part: Opens) -> None:
    """Long before a request would be given up. (1.0 never got past a first endpoint that was dead: creating
    its presence was not tried elsewhere.)"""
    dead = f"http://127.0.0.1:{free_port()}"
    async with part((dead, *etcd.urls), prefix, timeout=FOR_EVER) as world:
        registry = world.connect()
        async with asyncio.timeout(SOON), registry.join(machine(), ttl=10):
            assert await registry.job(A) is None


async def test_a_frozen_member_is_left_after_one_request(three: Cluster, prefix: str, part: Opens) -> None:
    frozen, *_ = three.members
    async with part(three.urls, prefix, timeout=SHORT) as world:
        registry = world.connect()
        frozen.freeze()
        try:
            assert await soon(registry.job(A)) is None
        finally:
            frozen.thaw()


@SCOPES
async def test_a_watch_on_a_member_that_freezes_moves_to_another(
    three: Cluster, prefix: str, part: Opens, scope: Scope
) -> None:
    """Nothing but the ping of an idle connection, or the end of a long poll, can notice that it is dead."""
    frozen, *others = three.members
    async with (
        part(three.urls, prefix, timeout=SHORT) as here,
        part(tuple(m.client_url for m in others), prefix, timeout=SHORT) as there,
        here.connect().follow(scope) as view,
    ):
        frozen.freeze()
        try:
            registry = there.connect()
            await soon(insisting(partial(stored, registry)))
            assert (await seen(view, lambda p: p.jobs)).jobs == {A: job(is_global=True)}
            assert (await soon(insisting(view.fresh))).jobs == {A: job(is_global=True)}
        finally:
            frozen.thaw()


async def test_a_lost_quorum_is_unavailable_and_nothing_is_lost_when_it_returns(
    three: Cluster, prefix: str, part: Opens
) -> None:
    async with part(three.urls, prefix, timeout=SHORT) as world:
        registry = world.connect()
        found = await soon(insisting(partial(stored, registry)))
        async with registry.follow(Everything()) as view:
            for member in three.members[1:]:
                member.kill()
            with pytest.raises(Unavailable, match=r"127\.0\.0\.1"):
                await soon(registry.job(A))
            with pytest.raises(Unavailable):
                await soon(view.fresh())
            for member in three.members[1:]:
                await member.restart()
            assert await soon(insisting(partial(registry.job, A))) == found
            await soon(insisting(partial(registry.set_metadata, M1, {"quorum": "back"})))
            picture = await soon(insisting(view.fresh))
            assert (picture.jobs, picture.dynamic) == ({A: found}, {M1: {"quorum": "back"}})


@pytest.fixture
async def parted() -> AsyncIterator[Divisible]:
    """Three members, of which one can be cut off from the others: it is stale but alive."""
    async with divisible(OPTIONS) as cluster:
        yield cluster


@SCOPES
async def test_a_watch_on_a_member_that_is_cut_off_moves_to_another(
    parted: Divisible, prefix: str, part: Opens, scope: Scope
) -> None:
    """Nobody asks anything meanwhile: it is the watch itself that must find out."""
    first, *others = parted.urls
    async with (
        part((first, *others), prefix, timeout=SHORT) as here,
        part(tuple(others), prefix, timeout=SHORT) as there,
        here.connect().follow(scope) as view,
    ):
        await parted.cut_off(parted.cluster.members[0])
        await soon(insisting(partial(stored, there.connect())))
        assert (await seen(view, lambda p: p.jobs)).jobs == {A: job(is_global=True)}


async def test_a_host_on_a_member_that_is_cut_off_stays_present_and_is_heard(
    parted: Divisible, prefix: str, part: Opens
) -> None:
    first, *others = parted.urls
    async with (
        part((first, *others), prefix, timeout=SHORT) as here,
        part(tuple(others), prefix, timeout=SHORT) as there,
        there.connect().follow(Everything()) as view,
        here.connect().join(machine(), ttl=10) as session,
    ):
        await parted.cut_off(parted.cluster.members[0])
        await soon(insisting(lambda: session.report([report()], [])))
        picture = await seen(view, lambda p: p.reports)
        assert (set(picture.machines), picture.reports) == ({M1}, {A: {M1: report()}})
        assert session.is_certain
