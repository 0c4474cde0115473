"""The cluster in memory that the tests of the API look at."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx

from tests.fleetd.world import Client, World, world


@pytest.fixture(autouse=True)
def nothing_blocks_the_loop() -> Iterator[None]:
    """Fail a test in which the daemon makes a blocking call on the event loop."""
    with blockbuster_ctx("fleetd"):
        yield


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[World]:
    """An empty cluster and its API."""
    async with world(tmp_path) as small:
        yield small


@pytest.fixture
def api(cluster: World) -> Client:
    """The API of that cluster."""
    return cluster.api


@pytest.fixture
async def limited(tmp_path: Path) -> AsyncIterator[World]:
    """A cluster that may have one unit."""
    async with world(tmp_path, units_limit=1) as small:
        yield small
