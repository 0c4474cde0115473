"""What is written while etcd changes its leader: it is there, or it is said that this is not known."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from registry.errors import Unavailable
from registry.etcd3.client import Client
from registry.port import Everything, OneMachine, Registry
from registry.settings import Credentials, Endpoint
from tests.registry.builders import M1, job, machine, unit_file
from tests.registry.conftest import FAST_ELECTIONS
from tests.registry.members import ETCD, Cluster, Member
from tests.registry.waiting import insisting
from tests.registry.world import etcd_world, seen, soon

pytestmark = pytest.mark.skipif(ETCD is None, reason="etcd is not installed")

EACH = 40
"""Units that are stored before, during and after the change."""


@pytest.fixture
def three() -> Iterator[Cluster]:
    with Cluster(3, options=FAST_ELECTIONS) as cluster:
        yield cluster


async def leader_of(three: Cluster) -> tuple[Member, list[int]]:
    """The member that leads, and the IDs of the others."""
    ids: dict[int, Member] = {}
    leader = 0
    for member in three.members:
        client = Client([Endpoint.from_url(member.client_url)], Credentials(), timeout=5)
        status = await client.call("Maintenance.Status", client.stubs.StatusRequest(), again=True)
        ids[status.header.member_id] = member
        leader = status.leader
        await client.close()
    return ids[leader], [id for id in ids if id != leader]


async def handed_over(three: Cluster) -> None:
    """The leader gives the lead to another member, as before it is taken down."""
    member, others = await leader_of(three)
    client = Client([Endpoint.from_url(member.client_url)], Credentials(), timeout=5)
    await client.call(
        "Maintenance.MoveLeader", client.stubs.MoveLeaderRequest(targetID=others[0]), again=True
    )
    await client.close()


async def killed(three: Cluster) -> None:
    (await leader_of(three))[0].kill()


async def frozen(three: Cluster) -> None:
    (await leader_of(three))[0].freeze()


CHANGES: tuple[Callable[[Cluster], Awaitable[None]], ...] = (handed_over, killed, frozen)


@pytest.mark.parametrize("change", CHANGES)
async def test_nothing_that_was_confirmed_is_lost_or_done_twice(
    three: Cluster, prefix: str, change: Callable[[Cluster], Awaitable[None]]
) -> None:
    confirmed: dict[str, int] = {}
    unknown: set[str] = set()

    async def store(registry: Registry, count: int) -> None:
        for _ in range(count):
            name = f"u{len(confirmed) + len(unknown)}.service"
            try:
                confirmed[name] = await registry.save(
                    job(name, is_global=True), unit_file(is_global=True), seen=None
                )
            except Unavailable:
                unknown.add(name)

    async with etcd_world(three.urls, prefix, timeout=1) as world:
        registry = world.connect()
        async with (
            registry.follow(Everything()) as everything,
            registry.follow(OneMachine(M1)) as own,
            registry.join(machine(), ttl=10) as session,
        ):
            await store(registry, EACH)
            assert not unknown
            changing = asyncio.ensure_future(change(three))
            await soon(store(registry, EACH))
            await soon(changing)
            await soon(insisting(lambda: registry.job("any.service")))
            before = len(confirmed)
            await soon(store(registry, EACH))
            assert len(confirmed) > before
            for view in (everything, own):
                picture = await seen(view, lambda p: confirmed.keys() <= p.jobs.keys())
                assert picture.jobs.keys() <= confirmed.keys() | unknown
                assert {name: picture.jobs[name].version for name in confirmed} == confirmed
            assert session.is_certain
            assert M1 in (await soon(everything.fresh())).machines
