"""Clusters for the tests on real hosts: a fresh one for what breaks things, else a shared one."""

from collections.abc import AsyncIterator, Generator

import pytest
import pytest_asyncio

from tests.lab.cluster import JOURNALS, Cluster, cluster


@pytest.fixture
async def fresh(request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    """Three hosts of this test's own, with metadata `disk=ssd` on h1 and `zone` a, b, c."""
    async with cluster(request.node.name, per_host=METADATA) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    """Three hosts that the tests of a module share; each cleans up its own units."""
    async with cluster(request.node.name.replace("/", "-"), per_host=METADATA) as made:
        yield made


METADATA = {
    "h1": {"metadata": "disk=ssd,zone=a"},
    "h2": {"metadata": "zone=b"},
    "h3": {"metadata": "zone=c"},
}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """On failure, say where the journals are."""
    report = yield
    if report.failed and item.get_closest_marker("lab"):
        report.sections.append(("journals of the hosts", f"{JOURNALS}/"))
    return report
