"""Fleet on real hosts over etcd's v2 API, in the layout of fleet 1.0."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fleetlab import wait_until
from tests.lab.cluster import QUICK, SLEEP, Cluster, cluster, service

pytestmark = pytest.mark.lab

PREFIX = "_coreos.com/fleet"


@pytest.fixture
async def v2(request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    """Three hosts whose fleet speaks to etcd as fleet 1.0 did."""
    ttl = request.param if hasattr(request, "param") else QUICK["agent_ttl"]
    config = {**QUICK, "agent_ttl": ttl, "etcd_api": "2"}
    async with cluster(
        f"etcd2 {request.node.name}".replace("/", "-"), etcd_args=["--enable-v2"], config=config
    ) as c:
        yield c


async def keys(c: Cluster, path: str) -> dict[str, str]:
    """All values below a path, as any client of etcd v2 sees them."""
    url = f"{c.lab.etcd.endpoints[0]}/v2/keys/{PREFIX}/{path}?recursive=true"
    answer = json.loads((await c.hosts[0].run("curl", "-sS", url)).stdout)
    found: dict[str, str] = {}
    nodes = [answer["node"]] if "node" in answer else []
    while nodes:
        node = nodes.pop()
        nodes += node.get("nodes", [])
        if not node.get("dir"):
            found[node["key"].removeprefix(f"/{PREFIX}/")] = node["value"]
    return found


async def test_units_of_a_host_that_loses_power_start_elsewhere_and_no_other_unit_moves(v2: Cluster) -> None:
    names = [f"u{i}.service" for i in range(6)]
    await v2.start({**dict.fromkeys(names, SLEEP), "g.service": service("Global=true")})
    before = await v2.comes_to({**dict.fromkeys(names, 1), "g.service": 3})
    # Not two on each: on a busy machine a host may miss the window of a bid, and gets fewer.
    lost = next(on for name in names for on in before[name] if on != "h1")
    ids = {host.name: host.machine_id for host in v2.hosts}
    stored = await keys(v2, "job")
    for name in names:
        assert stored[f"job/{name}/target"] == stored[f"job/{name}/job-state"] == ids[before[name][0]]
    pids = {n: await v2.pid(n, before[n][0]) for n in names}
    await v2[lost].pull_the_plug()
    after = await v2.comes_to({**dict.fromkeys(names, 1), "g.service": 2})
    for name in names:
        if before[name] == [lost]:
            assert after[name] != [lost]
        else:
            assert await v2.pid(name, after[name][0]) == pids[name], "nobody restarted it"
    await v2.fleetctl("destroy", *names, "g.service")
    await v2.comes_to({**dict.fromkeys(names, 0), "g.service": 0})
    assert await keys(v2, "job") == {}


@pytest.mark.parametrize("v2", ["15s"], indirect=True)
async def test_a_host_whose_old_daemon_was_killed_is_taken_over_with_its_units_running(v2: Cluster) -> None:
    """What `docs/MIGRATION.md` does: the new daemon finds units and a record, and knows of neither."""
    await v2.start({"a.service": SLEEP, "b.service": SLEEP, "c.service": SLEEP})
    before = await v2.comes_to({"a.service": 1, "b.service": 1, "c.service": 1})
    (host,) = before["a.service"]
    pid = await v2.pid("a.service", host)
    record = (await keys(v2, f"machines/{v2[host].machine_id}/object")).popitem()
    kill, _, start = documented_steps()
    await v2[host].run("sh", "-ec", kill)
    await v2[host].run("systemctl", "start", "fleet.service")
    assert (await v2[host].run("systemctl", "is-active", "fleet.service", check=False)).exit_code != 0
    await v2[host].run("sh", "-c", "rm -rf /run/fleet/session /run/fleet/memory")
    await v2[host].run("sh", "-ec", start)
    await v2[host].wait_for_fleet(40)
    await wait_until(lambda: _shows(v2, host), 60, "the unit to be shown again")
    assert await v2.pid("a.service", host) == pid
    assert await v2.running("a.service", "b.service", "c.service") == before
    assert (await keys(v2, f"machines/{v2[host].machine_id}/object")).popitem() == record
    assert (await keys(v2, "job"))["job/a.service/target"] == v2[host].machine_id


def documented_steps() -> list[str]:
    """The commands of each step in which a host is switched."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "MIGRATION.md").read_text()
    block = text.partition("## 1. Switch the hosts")[2].split("```")[1]
    return re.split(r"^(?=# [123]\. )", block, flags=re.MULTILINE)[1:]


async def _shows(c: Cluster, host: str) -> bool:
    return (await c.shown(on=host)).get("a.service") == {host: "active"}
