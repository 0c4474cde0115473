"""Hosts that are stopped in their tracks for longer than their leases last, and then go on."""

import json

import pytest

from fleetlab import wait_until
from tests.lab.cluster import SLEEP, Cluster

pytestmark = pytest.mark.lab


async def test_a_leader_that_was_paused_changes_nothing_when_it_wakes_up(fresh: Cluster) -> None:
    names = [f"u{i}.service" for i in range(6)]
    await fresh.start(dict.fromkeys(names, SLEEP))
    leader = await wait_until(fresh.leader, 60, "a leader")
    assert leader is not None
    await fresh[leader].pause()
    others = [host.name for host in fresh.hosts if host.name != leader]
    await wait_until(lambda: _led_by(fresh, others), 60, "another leader")
    # What the new leader does the paused one knows nothing of, and would do otherwise.
    after = await wait_until(lambda: _moved(fresh, names, others), 60, "all units on the hosts that live")
    later = fresh.write({"later.service": SLEEP}, on=others[0])
    await fresh.fleetctl("start", *later, on=others[0])
    before = await _schedule(fresh)
    await fresh[leader].resume()
    await wait_until(lambda: _machines(fresh, others[0], 3), 60, "the paused machine to come back")
    assert await fresh.leader() in others
    running = await fresh.comes_to(dict.fromkeys([*names, "later.service"], 1))
    assert await _schedule(fresh) == before, "nothing of the paused leader has landed"
    assert {name: running[name] for name in names} == after
    assert "Engine leadership lost" in await fresh[leader].journal("fleet.service")


async def test_a_host_that_was_paused_learns_of_its_loss_before_it_says_anything(fresh: Cluster) -> None:
    await fresh.start({f"u{i}.service": SLEEP for i in range(6)})
    leader = await wait_until(fresh.leader, 60, "a leader")
    victim = next(host.name for host in fresh.hosts if host.name != leader)
    watching = next(host.name for host in fresh.hosts if host.name != victim)
    await fresh[victim].pause()
    await wait_until(lambda: _machines(fresh, watching, 2), 60, "the paused machine to vanish")
    key = f"/_coreos.com/fleet/machine/{fresh[victim].machine_id}"
    assert await fresh.lab.etcd.ctl("get", key) == ""
    await fresh[victim].resume()
    await wait_until(lambda: _machines(fresh, watching, 3), 60, "the machine to come back")
    await fresh.comes_to({f"u{i}.service": 1 for i in range(6)}, timeout=60)
    journal = await fresh[victim].journal("fleet.service")
    lost, joined = journal.rindex("Restarting server"), journal.rindex("hrt.Register() success")
    assert lost < joined, "it noticed that its session was lost, and joined anew"
    # All that it says hangs on its new lease: one for its presence and for each of its states.
    leases = await fresh.lab.etcd.ctl("lease", "list")
    assert leases.startswith("found 4 leases"), "three hosts and a leader"


async def _led_by(c: Cluster, hosts: list[str]) -> bool:
    return await c.leader() in hosts


async def _moved(c: Cluster, names: list[str], hosts: list[str]) -> dict[str, list[str]] | None:
    running: dict[str, list[str]] = {name: [] for name in names}
    for host in hosts:
        said = await c[host].run("systemctl", "is-active", *names, check=False)
        for name, state in zip(names, said.stdout.split(), strict=True):
            if state == "active":
                running[name].append(host)
    return running if all(len(on) == 1 for on in running.values()) else None


async def _schedule(c: Cluster) -> object:
    """All entries with the revisions at which they were written."""
    got = await c.lab.etcd.ctl("get", "--prefix", "/_coreos.com/fleet/schedule/", "--write-out=json")
    return json.loads(got)["kvs"]


async def _machines(c: Cluster, on: str, count: int) -> bool:
    listed = await c.fleetctl("list-machines", "--no-legend", on=on, check=False)
    return len(listed.stdout.splitlines()) == count
