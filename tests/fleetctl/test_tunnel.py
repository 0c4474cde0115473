"""The API through a real sshd."""

from pathlib import Path

import pytest

from tests.fleetctl.conftest import FLEETCTL, Ran, Shell
from tests.fleetctl.small_cluster import SmallCluster
from tests.fleetctl.ssh_host import SshHost, ssh_host
from tests.fleetctl.test_tls import context as context
from tests.fleetctl.test_tls import endpoint as endpoint

pytestmark = pytest.mark.lab


def test_the_api_is_reached_through_a_tunnel_to_its_socket(user: Shell, host: SshHost) -> None:
    ran = user("--tunnel", f"127.0.0.1:{host.port}", "list-machines", "--no-legend")
    assert (ran.err, ran.status) == ("", 0)
    assert ran.out.startswith("11111111...\t127.0.0.1\t-\n")


def test_the_api_is_reached_through_a_tunnel_over_tcp(user: Shell, host: SshHost, far: SmallCluster) -> None:
    tunnel = f"--tunnel=127.0.0.1:{host.port}"
    ran = user(tunnel, f"--endpoint=http://127.0.0.1:{far.port}", "list-units", "--no-legend")
    assert (ran.out, ran.err) == ("a.service\t11111111.../127.0.0.1\tactive\trunning\n", "")


def test_a_host_that_forwards_nothing_needs_fleetctl_there(
    user: Shell, far: SmallCluster, tmp_path: Path
) -> None:
    with ssh_host(tmp_path / "strict", "AllowTcpForwarding no", "AllowStreamLocalForwarding no") as host:
        host.tool("fleetctl", f'exec {FLEETCTL} "$@"')
        user.file(".fleetctl/known_hosts", f"[127.0.0.1]:{host.port} {host.host_key}\n")
        tunnel = f"127.0.0.1:{host.port}"
        ran = user("--tunnel", tunnel, "list-machines", "--no-legend", SSH_AUTH_SOCK=host.agent_socket)
    assert (ran.err, ran.status) == ("", 0)
    assert ran.out.startswith("11111111...\t")


def test_what_goes_wrong_at_the_far_end_of_a_tunnel_is_told(user: Shell, host: SshHost) -> None:
    host.tool("fleetctl", f'exec {FLEETCTL} "$@"')
    ran = user("--tunnel", f"127.0.0.1:{host.port}", "--endpoint=unix:///nope.sock", "list-units")
    assert ran.err == (
        "Error retrieving list of units from repository: connection to unix:///nope.sock broke before the "
        "answer: failed dialing remote address: /nope.sock: no such file\n"
    )
    assert ran.status == 1


def test_a_server_that_a_tunnel_does_not_reach_is_said_so_in_words(user: Shell, host: SshHost) -> None:
    ran = user("--tunnel", f"127.0.0.1:{host.port}", "--endpoint=http://127.0.0.1:1", "list-units")
    assert ran.err == (
        f"Error retrieving list of units from repository: 127.0.0.1:{host.port} cannot connect to "
        "http://127.0.0.1:1: connect failed\n"
    )


def test_a_tunnel_that_cannot_be_dug_is_said_so(user: Shell) -> None:
    ran = user("--tunnel=127.0.0.1:1", "--ssh-timeout=inf", "list-machines")
    assert ran.err == (
        "Unable to initialize client: failed initializing SSH client: "
        "dial tcp 127.0.0.1:1: connect: connection refused\n"
    )
    assert ran.status == 1


def test_https_goes_through_a_tunnel_and_is_verified(
    user: Shell, host: SshHost, endpoint: str, tmp_path: Path
) -> None:
    tunnel = f"--tunnel=127.0.0.1:{host.port}"
    ran = user(tunnel, "--endpoint", endpoint, "list-units", "--no-legend")
    assert (ran.out, ran.err, ran.status) == ("", "", 0)
    wrong = user(tunnel, "--endpoint", endpoint, f"--ca-file={tmp_path}/other.crt", "list-units")
    assert "certificate" in wrong.err.lower()
    assert wrong.status == 1


def test_a_cluster_is_kept_and_brought_back_through_a_tunnel(user: Shell, host: SshHost) -> None:
    def far(*words: str) -> Ran:
        return user("--tunnel", f"127.0.0.1:{host.port}", *words)

    user.file("kept.service")
    user.file("later.service")
    assert far("start", "--no-block", "kept").status == 0
    kept = far("backup", "cluster.json")
    assert (kept.status, kept.err) == (0, "2 units and the metadata of 0 machines kept\n")
    far("destroy", "--no-block", "kept")
    far("submit", "later")
    dry = far("restore", "--dry-run", "cluster.json")
    assert (dry.status, dry.out) == (0, "Unit kept.service would be created, launched\n")
    damaged = (user.directory / "cluster.json").read_text().replace("launched", "inactive")
    refused = far("restore", user.file("damaged.json", damaged).name)
    assert (refused.status, "checksum" in refused.err) == (1, True)
    units = ("list-unit-files", "--no-legend", "--fields=unit,dstate")
    assert far(*units).out == "a.service\tlaunched\nlater.service\tinactive\n"
    done = far("restore", "cluster.json")
    assert (done.status, done.out) == (0, "Unit kept.service created, launched\n")
    assert done.err.startswith("Not in the backup, and left alone: later.service\n")
    assert far(*units).out == "a.service\tlaunched\nkept.service\tlaunched\nlater.service\tinactive\n"
    far("destroy", "--no-block", "kept", "later")
