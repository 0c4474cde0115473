"""The worlds that the contract is tried on: memory, and a real etcd where one is installed."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from registry.port import Registry
from tests.registry.members import ETCD, Cluster
from tests.registry.world import EtcdWorld, MemoryWorld, World, etcd_world

FAST_ELECTIONS = ("--heartbeat-interval=20", "--election-timeout=200")


@pytest.fixture(scope="session")
def etcd() -> Iterator[Cluster]:
    """One etcd for all tests, which must not break it."""
    if ETCD is None:
        pytest.skip("etcd is not installed")
    with Cluster(options=FAST_ELECTIONS) as cluster:
        yield cluster


@pytest.fixture
def prefix() -> str:
    """A prefix of its own for each test."""
    return f"/fleet-test/{uuid.uuid4().hex}/"


@pytest.fixture(params=["memory", "etcd3"])
async def world(request: pytest.FixtureRequest, prefix: str) -> AsyncIterator[World]:
    if request.param == "memory":
        yield MemoryWorld(prefix)
        return
    cluster: Cluster = request.getfixturevalue("etcd")
    async with etcd_world(cluster.urls, prefix) as etcd_part:
        yield etcd_part


@pytest.fixture
async def etcd_only(etcd: Cluster, prefix: str) -> AsyncIterator[EtcdWorld]:
    async with etcd_world(etcd.urls, prefix) as world:
        yield world


@pytest.fixture
async def registry(world: World) -> Registry:
    return world.connect()
