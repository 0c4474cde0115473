"""What users of fleet 1.0 rely on when a daemon stops, and when etcd comes back (scheduling.md §18)."""

import pytest

from fleetlab import wait_until
from tests.lab.cluster import Cluster, service

pytestmark = pytest.mark.lab

ROWS = ("--no-legend", "--full")


async def lists(c: Cluster) -> tuple[str, str]:
    """What the plain lists print."""
    units = await c.fleetctl("list-units", *ROWS)
    return units.stdout, (await c.fleetctl("list-unit-files", *ROWS)).stdout


async def test_a_unit_pinned_to_a_host_whose_daemon_stops_is_stopped_and_not_shown_as_active(
    fresh: Cluster,
) -> None:
    gone, other = fresh["h1"], "h2"
    pinned = service(f"MachineID={gone.machine_id}")
    await fresh.start({"pinned.service": pinned, "all.service": service("Global=true")})
    await fresh.comes_to({"pinned.service": ["h1"], "all.service": 3})
    pid = await fresh.pid("pinned.service", "h1")
    await gone.run("systemctl", "stop", "fleet.service")
    assert (await gone.run("test", "-e", f"/proc/{pid}", check=False)).exit_code != 0

    async def has_left() -> bool:
        return "h1" not in (await fresh.shown(on=other)).get("all.service", {})

    await wait_until(has_left, 60, "the states of the host to be gone")
    shown = await fresh.shown(on=other)
    assert "active" not in shown.get("pinned.service", {}).values()
    assert set(shown["all.service"].values()) == {"active"}, "only the states of that host are gone"
    said = await fresh.fleetctl("list-units", "-o", "json", "pinned.service", on=other)
    assert '"active": "active"' not in said.stdout
    await gone.run("systemctl", "start", "fleet.service")
    await fresh.comes_to({"pinned.service": ["h1"], "all.service": 3})


async def test_when_etcd_is_back_all_lists_are_as_before_and_nothing_was_stopped(fresh: Cluster) -> None:
    await fresh.start({"started.service": service(), "all.service": service("Global=true")})
    await fresh.fleetctl("load", *fresh.write({"loaded.service": service()}))
    await fresh.fleetctl("submit", *fresh.write({"submitted.service": service()}))
    names = ("started.service", "all.service", "loaded.service", "submitted.service")
    running = await fresh.comes_to({"started.service": 1, "all.service": 3, "loaded.service": 0})
    pids = [await fresh.pid(n, host) for n in ("started.service", "all.service") for host in running[n]]
    before = await lists(fresh)
    (member,) = fresh.lab.etcd.members
    await member.kill()

    async def is_noticed() -> bool:
        journal = await fresh["h1"].journal("fleet.service")
        return "Server monitor triggered: Monitor timed out before successful heartbeat" in journal

    await wait_until(is_noticed, 60, "the daemon to notice")
    assert {n: on for n, on in (await fresh.running(*names)).items() if on} == {
        n: on for n, on in running.items() if on
    }
    await member.start()
    for host in fresh.hosts:
        await host.wait_for_fleet(30)

    async def is_as_before() -> bool:
        return await lists(fresh) == before

    await wait_until(is_as_before, 60, "the lists to be as before")
    after = [await fresh.pid(n, host) for n in ("started.service", "all.service") for host in running[n]]
    assert after == pids
