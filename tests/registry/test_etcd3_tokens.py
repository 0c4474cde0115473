"""Who has logged in to etcd v3 has a token, and the token ends: by a restart of etcd, or by its time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from registry.port import Everything, OneMachine
from tests.registry.builders import M1, A, job, machine, report, unit_file
from tests.registry.conftest import FAST_ELECTIONS
from tests.registry.locks import ROOT, lock, opened
from tests.registry.members import ETCD, Cluster
from tests.registry.world import seen, soon

pytestmark = pytest.mark.skipif(ETCD is None, reason="etcd is not installed")


@pytest.fixture
async def locked() -> AsyncIterator[Cluster]:
    """An etcd that wants a user and a password, and forgets who has logged in after 2 s."""
    with Cluster(options=[*FAST_ELECTIONS, "--auth-token-ttl=2"]) as cluster:
        await lock(cluster.urls[0], 3)
        yield cluster


async def test_a_token_that_a_restart_has_made_void_is_renewed(locked: Cluster) -> None:
    (member,) = locked.members
    async with (
        opened(replace(ROOT, servers=locked.urls)) as registry,
        registry.follow(Everything()) as view,
        registry.follow(OneMachine(M1)) as own,
        registry.join(machine(), ttl=10) as session,
    ):
        member.kill()
        await member.restart()
        await soon(session.report([report()], []))
        await seen(view, lambda p: p.reports)
        await registry.save(job(is_global=True), unit_file(is_global=True), seen=None)
        await seen(own, lambda p: p.jobs)


async def test_a_request_with_a_void_token_is_repeated_with_a_new_one(locked: Cluster) -> None:
    (member,) = locked.members
    async with opened(replace(ROOT, servers=locked.urls)) as registry:
        await registry.save(job(), unit_file(), seen=None)
        member.kill()
        await member.restart()
        found = await soon(registry.job(A))
        assert found is not None
        member.kill()
        destroying = asyncio.create_task(registry.destroy(found))
        await asyncio.sleep(0.3)  # several tries that nobody takes must not count as log-ins
        await member.restart()
        await soon(destroying)


async def test_a_token_whose_time_is_over_is_renewed(locked: Cluster) -> None:
    async with (
        opened(replace(ROOT, servers=locked.urls)) as registry,
        registry.follow(Everything()) as view,
        registry.follow(OneMachine(M1)) as own,
    ):
        await registry.save(job(is_global=True), unit_file(is_global=True), seen=None)
        await asyncio.sleep(4)  # etcd forgets a token that nobody has used for its time, and tells nobody
        found = await soon(registry.job(A))
        assert found is not None
        await soon(registry.save(job("b.service", is_global=True), unit_file(is_global=True), seen=None))
        for there in (view, own):
            await seen(there, lambda p: "b.service" in p.jobs)
            assert set((await soon(there.fresh())).jobs) == {A, "b.service"}
