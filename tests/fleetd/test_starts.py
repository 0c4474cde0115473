"""How long starts take, as the API that took them sees it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from fleetd.api.starts import Starts
from fleetd.meters import Histogram
from tests.fleetd.world import World, eventually
from units.state import TargetState


class Timed:
    """Starts that are looked at."""

    def __init__(self, cluster: World) -> None:
        self.took = Histogram("h", "", bounds=(60.0,))
        self.starts = Starts(cluster.pictures, self.took)

    @property
    def counted(self) -> int:
        return int(dict(self.took.samples()).get("_count", 0))


@pytest.fixture
async def timed(cluster: World) -> AsyncIterator[Timed]:
    made = Timed(cluster)
    running = asyncio.create_task(made.starts.run())
    await cluster.machine("m1")
    yield made
    running.cancel()


async def test_a_start_is_counted_once_the_unit_is_active(cluster: World, timed: Timed) -> None:
    file = await cluster.unit("a.service", desired=TargetState.LAUNCHED)
    timed.starts.note("a.service")
    await cluster.report("a.service", "m1", active="activating", hash=file.hash)
    await asyncio.sleep(0.05)
    assert timed.counted == 0
    await cluster.report("a.service", "m1", hash=file.hash)
    await eventually(lambda: timed.counted == 1)


async def test_a_unit_that_ran_before_was_not_started(cluster: World, timed: Timed) -> None:
    file = await cluster.unit("a.service", desired=TargetState.LAUNCHED)
    await cluster.report("a.service", "m1", hash=file.hash)
    timed.starts.note("a.service")
    await asyncio.sleep(0.1)
    assert timed.counted == 0


async def test_content_that_was_replaced_does_not_count(cluster: World, timed: Timed) -> None:
    file = await cluster.unit("a.service", desired=TargetState.LAUNCHED)
    await cluster.report("a.service", "m1", hash="0" * 40)
    timed.starts.note("a.service")
    await asyncio.sleep(0.05)
    assert timed.counted == 0
    await cluster.report("a.service", "m1", hash=file.hash)
    await eventually(lambda: timed.counted == 1)
