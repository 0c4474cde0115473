"""Real hosts: they boot, obey, die and come back as the same machine."""

import asyncio
from functools import partial

import pytest

from fleetlab import CommandFailed, Host, Lab, LabError, TimedOut, wait_until
from tests.fleetlab.traces import traces

pytestmark = pytest.mark.lab


async def boot_id(host: Host) -> str:
    """What tells one boot of a host from another."""
    return (await host.run("cat", "/proc/sys/kernel/random/boot_id")).stdout


async def test_three_hosts_are_three_machines_and_nothing_of_them_stays() -> None:
    async with Lab(hosts=3, etcd_members=0) as lab:
        lab_id = lab.record.id
        for host in lab.hosts:
            assert (await host.run("cat", "/etc/machine-id")).stdout.strip() == host.machine_id
            assert (await host.run("hostname")).stdout.strip() == host.name
            assert (await host.run("systemctl", "is-system-running")).stdout.strip() == "running"
            assert (await host.run("systemctl", "--failed", "--quiet")).stdout == ""
        assert len({host.machine_id for host in lab.hosts}) == 3
        assert len({host.address for host in lab.hosts}) == 3
        assert traces(lab_id)
    assert traces(lab_id) == []


async def test_a_unit_of_one_host_is_not_on_the_other() -> None:
    async with Lab(hosts=2, etcd_members=0) as lab:
        one, two = lab.hosts
        one.write("/etc/systemd/system/x.service", "[Service]\nExecStart=/bin/sleep 1000\n")
        await one.run("systemctl", "start", "x.service")
        assert (await one.run("systemctl", "is-active", "x.service")).stdout == "active\n"
        assert (await two.run("systemctl", "is-active", "x.service", check=False)).exit_code == 3
        with pytest.raises(FileNotFoundError):
            two.read("/etc/systemd/system/x.service")
        assert "Started x.service" in await one.journal("x.service")


async def test_a_command_that_fails_says_where_and_why() -> None:
    async with Lab(hosts=1, etcd_members=0) as lab:
        with pytest.raises(CommandFailed, match=r"h1: `ls /nowhere` ended with 2: .*No such file"):
            await lab["h1"].run("ls", "/nowhere")
        with pytest.raises(TimedOut, match="still running"):
            await lab["h1"].run("sleep", "60", timeout=0.2)

        async def nobody_sleeps() -> bool:
            return (await lab["h1"].run("pgrep", "sleep", check=False)).exit_code == 1

        await wait_until(nobody_sleeps, 5, "the end of the command that took too long")


async def test_files_are_written_where_the_host_sees_them_up_or_down() -> None:
    async with Lab(hosts=1, etcd_members=0) as lab:
        host = lab["h1"]
        host.write("/run/a", "up")  # on a file system that the host has mounted itself
        assert (await host.run("cat", "/run/a")).stdout == "up"
        await host.power_off()
        host.write("/var/lib/b", "down", mode=0o600)
        assert host.read("/var/lib/b") == "down"
        await host.boot()
        assert (await host.run("stat", "--format=%a", "/var/lib/b")).stdout == "600\n"


async def test_a_host_without_power_is_dead_and_boots_as_the_same_machine() -> None:
    async with Lab(hosts=2, etcd_members=0) as lab:
        host = lab["h1"]
        host.write("/var/lib/kept", "yes")
        before = await boot_id(host)
        await host.pull_the_plug()
        assert not host.alive
        with pytest.raises(LabError, match="h1 is not running"):
            await host.run("true")
        assert "systemd" in await host.journal()
        await host.boot()
        assert await boot_id(host) != before
        assert host.read("/var/lib/kept") == "yes"
        assert (await host.run("cat", "/etc/machine-id")).stdout.strip() == host.machine_id
        assert lab["h2"].alive


async def test_an_orderly_end_stops_units_and_a_pulled_plug_does_not() -> None:
    async with Lab(hosts=1, etcd_members=0) as lab:
        host = lab["h1"]
        unit = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"
        unit += "ExecStop=/bin/touch /var/lib/stopped\n"
        host.write("/etc/systemd/system/x.service", unit)
        await host.run("systemctl", "start", "x.service")
        await host.pull_the_plug()
        assert not (host.root / "var/lib/stopped").exists()
        await host.boot()
        await host.run("systemctl", "start", "x.service")
        await host.power_off()
        assert (host.root / "var/lib/stopped").exists()


async def test_a_host_that_reboots_itself_comes_back() -> None:
    async with Lab(hosts=1, etcd_members=0) as lab:
        host = lab["h1"]
        leader = host.leader
        await host.run("systemctl", "reboot", check=False)
        await wait_until(lambda: host.alive and host.leader != leader, 20, "another first process")

        async def running() -> bool:
            done = await host.run("systemctl", "is-system-running", check=False)
            return done.stdout.strip() == "running"

        await wait_until(running, 20, "a running system")


async def test_a_paused_host_does_nothing_until_it_goes_on_or_is_unplugged() -> None:
    async with Lab(hosts=1, etcd_members=0) as lab:
        host = lab["h1"]
        await host.pause()
        assert host.alive
        assert host.paused
        with pytest.raises(TimedOut):
            await host.run("systemctl", "is-active", "dbus.service", timeout=0.5)
        await host.resume()
        await host.run("systemctl", "is-active", "dbus.service")
        await host.pause()
        await host.pull_the_plug()
        await host.boot()
        assert not host.paused


async def test_a_host_can_come_later_with_a_machine_id_of_choice() -> None:
    async with Lab(hosts=1, etcd_members=0) as lab:
        twins = await asyncio.gather(lab.add_host(machine_id=lab["h1"].machine_id), lab.add_host())
        assert sorted(host.name for host in lab.hosts) == ["h1", "h2", "h3"]
        assert twins[0].read("/etc/machine-id").strip() == lab["h1"].machine_id
        for host in lab.hosts:
            assert [line.split()[1] for line in host.read("/etc/hosts").splitlines()] == [
                "localhost",
                "h1",
                "h2",
                "h3",
            ]


async def test_two_labs_stand_side_by_side() -> None:
    async with Lab(hosts=1) as one, Lab(hosts=1) as two:
        assert one["h1"].address != two["h1"].address
        await one.etcd.ctl("put", "x", "one")
        assert await two.etcd.ctl("get", "x") == ""
        await two["h1"].pull_the_plug()
        assert one["h1"].alive


async def test_ssh_is_there_for_root_and_core() -> None:
    async with Lab(hosts=1, etcd_members=0, ssh=True) as lab:
        host = lab["h1"]
        ssh = ("ssh", "-i", str(lab.ssh_key), "-o", f"UserKnownHostsFile={lab.directory / 'known_hosts'}")
        for user in ("root", "core"):
            log_in = partial(
                lab.run_in_network, *ssh, f"{user}@{host.address}", "whoami; hostname", timeout=10
            )
            done = await wait_until(log_in, 45, f"{user} to be let in")
            assert done.stdout == f"{user}\nh1\n"
