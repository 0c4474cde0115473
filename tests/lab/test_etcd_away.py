"""etcd away for everybody, for longer than the leases: two hosts, one may be slower to find it."""

from collections.abc import AsyncIterator
from functools import partial

import pytest

from fleetlab import wait_until
from tests.lab.cluster import QUICK, SLEEP, Cluster, cluster

pytestmark = pytest.mark.lab

NAMES = ("a.service", "b.service", "c.service", "d.service")


@pytest.fixture(params=["3", "2"], ids=["v3", "v2"])
async def two(request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    """Two hosts, with units on both."""
    config, args = {**QUICK, "agent_ttl": "6s", "etcd_api": request.param}, ["--enable-v2"]
    async with cluster(request.node.name.replace("/", "-"), hosts=2, etcd_args=args, config=config) as c:
        await c.start(dict.fromkeys(NAMES, SLEEP))
        yield c


async def pids(c: Cluster) -> dict[str, int]:
    """Which process each unit is, on the host where it is."""
    running = await c.running(*NAMES)
    assert sorted(map(len, running.values())) == [1, 1, 1, 1]
    assert {on[0] for on in running.values()} == {"h1", "h2"}
    return {f"{name} on {on[0]}": await c.pid(name, on[0]) for name, on in running.items()}


async def test_nothing_moves_when_etcd_was_away_for_longer_than_the_leases(two: Cluster) -> None:
    before = await pids(two)
    await _etcd_away(two)
    await _etcd_back(two)
    for host in two.hosts:
        await host.wait_for_fleet(30)
    await _all_shown(two)
    await two.start({"later.service": SLEEP})
    assert await pids(two) == before


@pytest.mark.parametrize("slow", ["h1", "h2"])
async def test_nothing_moves_when_one_host_finds_etcd_again_after_the_other(two: Cluster, slow: str) -> None:
    before = await pids(two)
    await _etcd_away(two)
    await two[slow].cut_from_etcd()
    await _etcd_back(two)
    (quick,) = (host for host in two.hosts if host.name != slow)
    await quick.wait_for_fleet(30)
    await wait_until(lambda: _waits_for(two, quick.name), 60, "the engine to miss the slow host")
    await two[slow].heal_etcd()
    await two[slow].wait_for_fleet(30)
    await _all_shown(two)
    await two.start({"later.service": SLEEP})
    assert await pids(two) == before


async def test_a_host_that_never_comes_back_is_believed_lost_in_the_end(two: Cluster) -> None:
    before = await two.running(*NAMES)
    await _etcd_away(two)
    await two["h2"].pull_the_plug()
    await _etcd_back(two)
    await two.comes_to({name: ["h1"] for name in NAMES}, timeout=60)
    assert any(on == ["h2"] for on in before.values())


async def _etcd_away(c: Cluster) -> None:
    """Stop it, until every host says that its own lease may have ended."""
    await c.lab.etcd.members[0].kill()
    for host in c.hosts:
        await wait_until(partial(_unavailable, c, host.name), 60, "the API to say so")


async def _unavailable(c: Cluster, host: str) -> bool:
    words = "curl -sS -o /dev/null -w %{http_code} --unix-socket /run/fleet.sock"
    said = await c[host].run(*words.split(), "http://fleet/fleet/v1/machines")
    return said.stdout == "503"


async def _etcd_back(c: Cluster) -> None:
    await c.lab.etcd.members[0].start()


async def _waits_for(c: Cluster, on: str) -> bool:
    return "Out of sight, and perhaps not gone" in await c[on].journal("fleet.service")


async def _all_shown(c: Cluster) -> None:
    """Wait until every host shows the units of both as active."""
    for host in c.hosts:
        await wait_until(partial(_shows_all, c, host.name), 60, "all to be shown again")


async def _shows_all(c: Cluster, on: str) -> bool:
    shown = await c.shown(on=on)
    return all(list(shown.get(name, {}).values()) == ["active"] for name in NAMES)
