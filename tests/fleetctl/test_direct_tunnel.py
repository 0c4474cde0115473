"""--driver=etcd through a tunnel: a real sshd in front of a real etcd, in both of its versions."""

from pathlib import Path

import pytest

from registry.settings import Settings
from tests.fleetctl.conftest import Shell
from tests.fleetctl.ssh_host import USER, SshHost
from tests.fleetctl.test_direct import direct as direct
from tests.fleetctl.test_direct import etcd as etcd
from tests.fleetctl.test_direct import settings as settings

pytestmark = pytest.mark.lab


@pytest.fixture
def tunnelled(direct: Shell, host: SshHost, tmp_path: Path) -> Shell:
    """fleetctl that must go through the sshd to get to etcd."""
    (tmp_path / "sockets").mkdir()
    env = {
        **direct.env,
        "FLEETCTL_TUNNEL": f"127.0.0.1:{host.port}",
        "FLEETCTL_SSH_USERNAME": USER,
        "SSH_AUTH_SOCK": host.agent_socket,
        "TMPDIR": str(tmp_path / "sockets"),
    }
    shell = Shell(tmp_path, env, spawns=True)
    shell.file(".fleetctl/known_hosts", f"[127.0.0.1]:{host.port} {host.host_key}\n")
    return shell


def test_etcd_is_read_and_written_through_the_tunnel(tunnelled: Shell, host: SshHost) -> None:
    tunnelled.file("a.service")
    before = (host.directory / "sshd.log").read_text().count("Accepted publickey")
    ran = tunnelled("start", "--no-block", "a")
    assert ran.out == "Unit a.service inactive\n" + "Triggered unit a.service start\n" * 2
    assert (host.directory / "sshd.log").read_text().count("Accepted publickey") == before + 1
    listed = tunnelled("list-unit-files", "--no-legend", "--fields=unit,dstate")
    assert (listed.out, listed.err) == ("a.service\tlaunched\n", "")


def test_nothing_is_left_of_the_tunnel(tunnelled: Shell, tmp_path: Path) -> None:
    assert tunnelled("list-unit-files").status == 0
    assert list((tmp_path / "sockets").iterdir()) == []


def test_an_etcd_that_the_tunnel_does_not_reach_is_named(tunnelled: Shell, host: SshHost) -> None:
    ran = tunnelled("--endpoint=http://127.0.0.1:1", "--request-timeout=1", "list-unit-files")
    assert f"127.0.0.1:{host.port} cannot connect to 127.0.0.1:1: " in ran.err
    assert "etcd at 127.0.0.1:1: " in ran.err
    assert ran.status == 1


def test_a_tunnel_that_cannot_be_dug_is_said_so(tunnelled: Shell) -> None:
    ran = tunnelled("--tunnel=127.0.0.1:1", "list-unit-files")
    assert ran.err == (
        "Unable to initialize client: failed initializing SSH client: "
        "dial tcp 127.0.0.1:1: connect: connection refused\n"
    )


def test_etcd_is_copied_from_one_version_to_the_next_through_the_tunnel(
    tunnelled: Shell, settings: Settings
) -> None:
    if settings.api_version == 2:
        tunnelled.file("a.service")
        tunnelled("submit", "a")
        words = ("--driver=API", "--endpoint", settings.servers[0], "migrate", "--to=etcd3")
        assert "Copied: 1 units" in tunnelled(*words).err
