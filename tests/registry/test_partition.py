"""A member that is cut off from the others answers what it can answer by itself: it is stale but alive."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import pytest

from registry.port import Everything, OneMachine, Registry, Scope
from tests.registry.builders import M1, A, job, machine, report, unit_file
from tests.registry.conftest import FAST_ELECTIONS
from tests.registry.layout_world import layout_world
from tests.registry.members import ETCD
from tests.registry.partition import Divisible, divisible
from tests.registry.test_etcd3_members import insisting
from tests.registry.world import etcd_world, seen, soon

pytestmark = [pytest.mark.etcd, pytest.mark.skipif(ETCD is None, reason="etcd is not installed")]

SHORT = 0.4
"""Seconds for one request in these tests."""


class Connected(Protocol):
    """A part of a store."""

    def connect(self) -> Registry: ...


class Opens(Protocol):
    """Makes one."""

    def __call__(
        self, urls: tuple[str, ...], prefix: str, *, timeout: float
    ) -> AbstractAsyncContextManager[Connected]: ...


@pytest.fixture
async def three() -> AsyncIterator[Divisible]:
    async with divisible((*FAST_ELECTIONS, "--enable-v2")) as cluster:
        yield cluster


@pytest.mark.parametrize("scope", [Everything(), OneMachine(M1)], ids=["all", "one machine"])
@pytest.mark.parametrize("world", [etcd_world, layout_world], ids=["v3", "v2"])
async def test_a_watch_on_a_member_that_is_cut_off_moves_to_another(
    three: Divisible, prefix: str, world: Opens, scope: Scope
) -> None:
    """Nobody asks anything meanwhile: it is the watch itself that must find out."""
    first, *others = three.urls
    async with (
        world((first, *others), prefix, timeout=SHORT) as here,
        world(tuple(others), prefix, timeout=SHORT) as there,
        here.connect().follow(scope) as view,
    ):
        await three.cut_off(three.cluster.members[0])
        registry = there.connect()
        await soon(
            insisting(lambda: registry.save(job(is_global=True), unit_file(is_global=True), seen=None))
        )
        assert (await seen(view, lambda p: p.jobs)).jobs == {A: job(is_global=True)}


@pytest.mark.parametrize("world", [etcd_world, layout_world], ids=["v3", "v2"])
async def test_a_host_on_a_member_that_is_cut_off_stays_present_and_is_heard(
    three: Divisible, prefix: str, world: Opens
) -> None:
    first, *others = three.urls
    async with (
        world((first, *others), prefix, timeout=SHORT) as here,
        world(tuple(others), prefix, timeout=SHORT) as there,
        there.connect().follow(Everything()) as view,
        here.connect().join(machine(), ttl=10) as session,
    ):
        await three.cut_off(three.cluster.members[0])
        await soon(insisting(lambda: session.report([report()], [])))
        picture = await seen(view, lambda p: p.reports)
        assert (set(picture.machines), picture.reports) == ({M1}, {A: {M1: report()}})
        assert session.is_certain
