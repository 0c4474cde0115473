"""Bad input and missing parts, on real hosts: a clear message, and nothing half done."""

import pytest

from fleetlab import Lab, wait_until
from tests.lab.cluster import QUICK, SLEEP, Cluster, cluster

pytestmark = pytest.mark.lab


async def test_bad_files_and_names_are_refused_before_anything_is_stored(fresh: Cluster) -> None:
    paths = fresh.write(
        {"good.service": SLEEP, "empty.service": "", "broken.service": "[Service]\nnonsense\n"}
    )
    fresh["h1"].write("/root/secret.service", SLEEP, mode=0o000)
    cases = {
        paths[1]: "empty.service",
        paths[2]: "broken.service",
        "/root/missing.service": "missing.service",
        "/root/no such name.service": "no such name.service",
    }
    for path, named in cases.items():
        said = await fresh.fleetctl("submit", paths[0], path, on="h1", check=False)
        assert said.exit_code != 0
        assert named in said.stderr
        assert "Traceback" not in said.stderr
        assert (await fresh.fleetctl("list-unit-files", "--no-legend")).stdout == "", (
            f"{path}: nothing half done"
        )


async def test_without_etcd_the_daemon_waits_and_says_for_what(request: pytest.FixtureRequest) -> None:
    async with Lab(hosts=1) as lab:
        (member,) = lab.etcd.members
        await member.kill()
        await lab.install_fleet(QUICK)
        await lab.start_fleet()
        host = lab["h1"]
        address = lab.etcd.endpoints[0].removeprefix("http://")
        await wait_until(lambda: _journal_has(host, address), 60, "a line that names the endpoint")
        refused = await host.run("fleetctl", "list-machines", check=False)
        assert refused.exit_code == 1
        assert "fleet server unable to communicate with etcd" in refused.stderr
        await member.start()
        await host.wait_for_fleet(30)


async def _journal_has(host, text: str) -> bool:  # type: ignore[no-untyped-def]
    return text in await host.journal("fleet.service")


async def test_without_dbus_the_daemon_waits_and_says_for_what(fresh: Cluster) -> None:
    h1 = fresh["h1"]
    await h1.run("systemctl", "stop", "fleet.service")
    await h1.run("systemctl", "stop", "dbus.socket", "dbus.service")
    await h1.run("systemctl", "start", "fleet.socket", "fleet.service")
    await wait_until(lambda: _journal_has(h1, "D-Bus"), 60, "a line that names D-Bus")
    await h1.run("systemctl", "start", "dbus.socket")
    await h1.wait_for_fleet(30)


async def test_a_second_host_with_the_same_machine_id_waits_and_disturbs_nobody(fresh: Cluster) -> None:
    await fresh.start({"a.service": SLEEP})
    before = await fresh.comes_to({"a.service": 1})
    twin = await fresh.lab.add_host(machine_id=fresh["h1"].machine_id)
    await wait_until(
        lambda: _journal_has(twin, fresh["h1"].machine_id), 60, "a line that names the machine ID"
    )
    refused = await twin.run("fleetctl", "list-machines", check=False)
    assert refused.exit_code == 1
    assert "fleet server unable to communicate with etcd" in refused.stderr
    listed = await fresh.fleetctl("list-machines", "--no-legend", on="h1")
    assert len(listed.stdout.splitlines()) == 3
    assert (await fresh.running("a.service"))["a.service"] == before["a.service"]


async def test_a_second_daemon_on_one_host_is_refused(fresh: Cluster) -> None:
    said = await fresh["h1"].run("fleetd", check=False, timeout=20)
    assert said.exit_code != 0
    assert "already" in said.stderr
    await fresh["h1"].wait_for_fleet(5)


async def test_a_host_with_a_full_units_directory_is_passed_over(request: pytest.FixtureRequest) -> None:
    async with cluster(request.node.name, hosts=2) as c:
        h1 = c["h1"]
        await h1.run("mkdir", "-p", "/run/fleet/units")
        await h1.run("mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=1", "tmpfs", "/run/fleet/units")
        await c.start({f"u{i}.service": SLEEP for i in range(4)})
        running = await c.running(*(f"u{i}.service" for i in range(4)))
        assert {tuple(on) for on in running.values()} == {("h2",)}
        await h1.run("umount", "/run/fleet/units")
        await c.start({"later.service": SLEEP})
