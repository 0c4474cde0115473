"""Whom we trust over SSH, and who trusts us: keys of hosts and of users, on a real sshd."""

from pathlib import Path

import pytest

from tests.fleetctl.conftest import Shell
from tests.fleetctl.small_cluster import M1, SmallCluster
from tests.fleetctl.ssh_host import USER, SshHost, make_key, port

pytestmark = pytest.mark.lab


def test_a_host_seen_for_the_first_time_is_asked_about_and_remembered(
    user: Shell, host: SshHost, far: SmallCluster
) -> None:
    user.file(".fleetctl/known_hosts", "")
    asked = user("ssh", port(host), M1, "echo hi", feed="yes\n")
    address = f"[127.0.0.1]:{host.port}"
    assert asked.err.startswith(
        f"The authenticity of host '{address}' can't be established.\nssh-ed25519 key fingerprint is "
    )
    assert asked.err.endswith(
        "Are you sure you want to continue connecting (yes/no)? "
        f"Warning: Permanently added '{address}' (ssh-ed25519) to the list of known hosts.\n"
    )
    assert asked.out == "hi\n"
    known = user.directory / ".fleetctl/known_hosts"
    assert known.read_text() == f"{address} {host.host_key}\n"
    again = user("ssh", port(host), M1, "echo hi")
    assert (again.out, again.err) == ("hi\n", "")


def test_the_file_of_known_hosts_keeps_its_mode_and_its_lines(user: Shell, host: SshHost) -> None:
    known = user.file(".fleetctl/known_hosts", "198.18.0.9 " + host.host_key)
    known.chmod(0o600)
    ran = user("ssh", port(host), M1, "cat", feed="Yes please\nrest\n")
    assert (ran.out, ran.status) == ("rest\n", 0)
    assert known.read_text().splitlines() == [
        f"198.18.0.9 {host.host_key}",
        f"[127.0.0.1]:{host.port} {host.host_key}",
    ]
    assert known.stat().st_mode & 0o777 == 0o600


def test_an_unknown_host_is_refused_when_nobody_answers(user: Shell, host: SshHost) -> None:
    user.file(".fleetctl/known_hosts", "")
    ran = user("ssh", port(host), M1, "echo hi")
    assert "Host key verification failed.\n" in ran.err
    assert ran.err.endswith(f"unauthorized host ([127.0.0.1]:{host.port})\n")
    assert (ran.out, ran.status) == ("", 1)


def test_a_host_with_another_key_is_refused(user: Shell, host: SshHost, tmp_path: Path) -> None:
    make_key(tmp_path / "other")
    kind, blob, _ = (tmp_path / "other.pub").read_text().split()
    user.file(".fleetctl/known_hosts", f"[127.0.0.1]:{host.port} {kind} {blob}\n")
    ran = user("status", port(host), "a")
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in ran.err
    assert ran.err.endswith(
        f"Unable to SSH to remote host: ssh: handshake failed: host key mismatch ([127.0.0.1]:{host.port})\n"
    )
    assert (ran.out, ran.status) == ("", 255)


def test_without_strict_checking_any_host_will_do(user: Shell, host: SshHost) -> None:
    user.file(".fleetctl/known_hosts", "")
    ran = user("ssh", "--strict-host-key-checking=false", port(host), M1, "echo hi")
    assert (ran.out, ran.err) == ("hi\n", "")


# Keys of the user


def test_the_default_key_file_is_used_without_an_agent(user: Shell, host: SshHost) -> None:
    user.file(".ssh/id_ed25519", host.key.read_text()).chmod(0o600)
    ran = user("ssh", port(host), M1, "echo hi", SSH_AUTH_SOCK="")
    assert (ran.out, ran.err) == ("hi\n", "")


def test_the_configuration_names_the_key_file_and_the_user(user: Shell, host: SshHost) -> None:
    user.file(".ssh/config", f"Host 127.0.0.1\n  IdentityFile {host.key}\n  User {USER}\n")
    ran = user("ssh", port(host), M1, "echo hi", SSH_AUTH_SOCK="", FLEETCTL_SSH_USERNAME="")
    assert (ran.out, ran.err) == ("hi\n", "")


def test_who_has_no_key_is_told_so(user: Shell, host: SshHost) -> None:
    ran = user("status", port(host), "a", SSH_AUTH_SOCK="")
    assert ran.err.startswith(
        f"Unable to SSH to remote host: ssh: unable to authenticate as {USER} (no key to try"
    )
    assert "Verify ssh-agent is running" in ran.err
    assert ran.status == 255


def test_a_key_that_is_refused_is_named(user: Shell, host: SshHost, tmp_path: Path) -> None:
    make_key(tmp_path / "stranger")
    user.file(".ssh/id_ed25519", (tmp_path / "stranger").read_text()).chmod(0o600)
    ran = user("status", port(host), "a", SSH_AUTH_SOCK="")
    assert f"(tried {user.directory}/.ssh/id_ed25519" in ran.err
    assert ran.status == 255


def test_a_port_where_nobody_listens_is_named(user: Shell) -> None:
    ran = user("status", "--ssh-port=1", "a")
    assert ran.err == "Unable to SSH to remote host: dial tcp 127.0.0.1:1: connect: connection refused\n"
    assert ran.status == 255
