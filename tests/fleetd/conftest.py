"""The cluster in memory that the tests of the API look at."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fleetd.world import Client, World, world


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[World]:
    """An empty cluster and its API."""
    async with world(tmp_path) as small:
        yield small


@pytest.fixture
def api(cluster: World) -> Client:
    """The API of that cluster."""
    return cluster.api
