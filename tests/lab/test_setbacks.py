"""A host that cannot do what it is told loses the unit to one that can; a service that fails stays."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from fleetlab import Host, wait_until
from tests.lab.cluster import Cluster, service

pytestmark = [pytest.mark.lab, pytest.mark.asyncio(loop_scope="module")]

LINKS = "/run/systemd/system"
SAID = "Read-only file system"


@pytest_asyncio.fixture(loop_scope="module")
async def c(shared: Cluster) -> AsyncIterator[Cluster]:
    """The shared cluster, empty again after each test."""
    yield shared
    files = (await shared.fleetctl("list-unit-files", "--no-legend", "--fields=unit")).stdout.split()
    if files:
        await shared.fleetctl("destroy", *files)


@asynccontextmanager
async def links_refused(*hosts: Host) -> AsyncIterator[None]:
    """Hosts whose systemd can link no unit file; nothing of that shows when they are asked for a bid."""
    for host in hosts:
        await host.run("mount", "--bind", LINKS, LINKS)
        await host.run("mount", "-o", "remount,bind,ro", LINKS)
    try:
        yield
    finally:
        for host in hosts:
            await host.run("umount", LINKS)


async def test_a_unit_goes_where_it_can_run_and_why_tells_what_the_first_host_said(c: Cluster) -> None:
    sick, *well = sorted(c.hosts, key=lambda host: host.machine_id)  # of equals the first gets the unit
    async with links_refused(sick):
        await c.start({"a.service": service()}, "--no-block")
        running = await c.comes_to({"a.service": 1})
        assert running["a.service"][0] in [host.name for host in well]
        why = (await c.fleetctl("why", "a.service")).stdout
        (row,) = (line for line in why.splitlines() if sick.machine_id[:8] in line and "refused" in line)
        assert SAID in row
        assert SAID in await sick.journal("fleet.service")


async def test_what_fails_everywhere_rests_and_runs_once_a_host_is_mended(c: Cluster) -> None:
    async with links_refused(*c.hosts):
        await c.start({"b.service": service()}, "--no-block")

        async def seen_by_two() -> bool:
            journals = [await host.journal("fleet.service") for host in c.hosts]
            return sum("could not load b.service" in journal for journal in journals) > 1

        await wait_until(seen_by_two, 60, "a second host to have tried")
        await wait_until(lambda: _has_failed_once(c, "b.service"), 60, "one failed place")
    await c.comes_to({"b.service": 1}, timeout=60)


async def _has_failed_once(c: Cluster, unit: str) -> bool:
    return list((await c.shown()).get(unit, {}).values()) == ["failed"]


async def test_a_service_that_fails_by_itself_stays_where_it_is(c: Cluster) -> None:
    await c.start({"c.service": service(exec="/bin/false", more="Type=oneshot\n")}, check=False)
    await wait_until(lambda: _has_failed_once(c, "c.service"), 60, "one failed place")
    before = (await c.shown())["c.service"]
    await c.start({"d.service": service()})  # whatever the engine does next, it has looked at this too
    assert (await c.shown())["c.service"] == before
