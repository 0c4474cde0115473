"""The worlds that the contract is tried on: memory, and a real etcd where one is installed."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from registry.port import Registry
from tests.registry.layout_world import Etcd2, LayoutWorld, layout_world
from tests.registry.members import ETCD, Cluster
from tests.registry.world import EtcdWorld, MemoryWorld, World, etcd_world

PATIENT = 6.0
"""Seconds for one request, where no test is about an etcd that does not answer."""
FAST_ELECTIONS = ("--heartbeat-interval=20", "--election-timeout=200")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "not_in_layout(why): what fleet 1.0's layout cannot do")


@pytest.fixture(scope="session")
def etcd() -> Iterator[Cluster]:
    """One etcd for all tests, which must not break it."""
    if ETCD is None:
        pytest.skip("etcd is not installed")
    with Cluster(options=(*FAST_ELECTIONS, "--enable-v2")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def etcd_of_three() -> Iterator[Cluster]:
    """The same with three members, each of which a connection may use."""
    if ETCD is None:
        pytest.skip("etcd is not installed")
    with Cluster(3, options=(*FAST_ELECTIONS, "--enable-v2")) as cluster:
        yield cluster


@pytest.fixture
def prefix() -> str:
    """A prefix of its own for each test."""
    return f"/fleet-test/{uuid.uuid4().hex}/"


@pytest.fixture(params=["memory", "etcd3", "etcd3 of three", "etcd2", "etcd2 of three"])
async def world(request: pytest.FixtureRequest, prefix: str) -> AsyncIterator[World]:
    if request.param == "memory":
        yield MemoryWorld(prefix)
        return
    version, of, _ = request.param.partition(" of ")
    cluster: Cluster = request.getfixturevalue("etcd_of_three" if of else "etcd")
    if version == "etcd2":
        if cannot := request.node.get_closest_marker("not_in_layout"):
            pytest.skip(f"the layout of fleet 1.0 cannot: {cannot.args[0]}")
        async with layout_world(cluster.urls, prefix, timeout=PATIENT) as layout_part:
            yield layout_part
        return
    async with etcd_world(cluster.urls, prefix, timeout=PATIENT) as etcd_part:
        yield etcd_part


@pytest.fixture
async def etcd_only(etcd: Cluster, prefix: str) -> AsyncIterator[EtcdWorld]:
    async with etcd_world(etcd.urls, prefix) as world:
        yield world


@pytest.fixture
async def layout(etcd: Cluster, prefix: str) -> AsyncIterator[LayoutWorld]:
    """A part of etcd v2, for what only the layout of fleet 1.0 has."""
    async with layout_world(etcd.urls, prefix) as world:
        yield world


@pytest.fixture
def raw(layout: LayoutWorld) -> Etcd2:
    return layout.raw


@pytest.fixture
def ours(layout: LayoutWorld) -> Registry:
    return layout.connect()


@pytest.fixture
async def registry(world: World) -> Registry:
    return world.connect()
