"""Other hosts over a real sshd, with a real ssh-agent."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleetctl.conftest import FLEETCTL, SIMPLE, Shell
from tests.fleetctl.small_cluster import M1, M2, SmallCluster, small_cluster
from tests.fleetctl.ssh_host import USER, SshHost, make_key, ssh_host
from units.machine import Machine

SYSTEMCTL = 'echo "systemctl: $*"; exit 3'
pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshHost]:
    with ssh_host(tmp_path_factory.mktemp("ssh")) as host:
        host.tool("systemctl", SYSTEMCTL)
        host.tool("journalctl", 'echo "journalctl: $*"; case "$*" in *-f*) sleep 60;; esac')
        yield host


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallCluster]:
    """A cluster whose machines are all behind that sshd, but for one that is nowhere."""
    machines = [Machine(M1, "127.0.0.1"), Machine(M2, "")]
    with small_cluster(tmp_path_factory.mktemp("far"), machines=machines) as cluster:
        yield cluster


@pytest.fixture
def user(far: SmallCluster, host: SshHost, tmp_path: Path) -> Shell:
    """fleetctl, as somebody who knows the host and has a key in the agent."""
    shell = Shell(
        tmp_path,
        {
            "FLEETCTL_ENDPOINT": far.endpoint,
            "FLEETCTL_SSH_USERNAME": USER,
            "SSH_AUTH_SOCK": host.agent_socket,
        },
    )
    shell.file(".fleetctl/known_hosts", f"[127.0.0.1]:{host.port} {host.host_key}\n")
    shell.file("a.service", SIMPLE)
    shell("start", "a")
    return shell


def port(host: SshHost) -> str:
    return f"--ssh-port={host.port}"


def test_status_runs_on_the_machine_of_the_unit_and_passes_on_its_exit_status(
    user: Shell, host: SshHost
) -> None:
    ran = user("status", port(host), "a")
    assert (ran.out, ran.err, ran.status) == ("systemctl: status -l a.service\n", "", 3)


def test_journal_asks_for_what_the_flags_say(user: Shell, host: SshHost) -> None:
    ran = user("journal", port(host), "--lines=5", "--output", "cat", "a")
    assert ran.out == "journalctl: --unit a.service --no-pager -n 5 --output cat\n"
    assert (ran.err, ran.status) == ("", 0)


def test_a_followed_journal_is_seen_at_once_and_an_interrupt_ends_it_with_130(
    user: Shell, host: SshHost
) -> None:
    with user.popen("journal", "-f", port(host), "a") as process:
        assert process.stdout is not None
        assert process.stdout.readline().endswith("-f\n")
        process.send_signal(signal.SIGINT)
        start = time.monotonic()
        _, err = process.communicate(timeout=10)
    assert (err, process.returncode) == ("", 130)
    assert time.monotonic() - start < 2


@pytest.mark.parametrize(
    "words",
    [
        ("--", "echo", "-n", "hi"),
        ("echo", "--", "-n", "hi"),
        ("echo", "hi", "--", "drop", "--", "echo -n hi"),
    ],
)
def test_ssh_runs_a_command_with_its_options_behind_dashes(
    user: Shell, host: SshHost, words: tuple[str, ...]
) -> None:
    ran = user("ssh", port(host), "a.service", *words)
    assert (ran.out, ran.err, ran.status) == ("hi", "", 0)


@pytest.mark.parametrize(("command", "status"), [("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$", 143)])
def test_the_exit_status_of_a_remote_command_is_ours(
    user: Shell, host: SshHost, command: str, status: int
) -> None:
    ran = user("ssh", port(host), M1[:4], command)
    assert (ran.out, ran.err, ran.status) == ("", "", status)


def test_stdin_and_both_outputs_of_a_remote_command_are_ours(user: Shell, host: SshHost) -> None:
    data = "x" * 3_000_000
    ran = user("ssh", port(host), "--machine", M1, "cat; echo done >&2", feed=data)
    assert (ran.out == data, ran.err, ran.status) == (True, "done\n", 0)


def test_a_shell_reads_its_commands_from_stdin_and_its_exit_status_is_ours(
    user: Shell, host: SshHost
) -> None:
    ran = user("ssh", port(host), M1, feed="echo here\nexit 4\n")
    assert (ran.out, ran.err, ran.status) == ("here\n", "", 4)


CANNOT_PROCEED = {
    "no machine of that ID": (("--machine", "9"), "machine does not exist"),
    "no unit of that name": (("--unit", "nope"), "unit does not exist"),
    "both flags": (("--unit", "a", "--machine", "1"), "Both machine and unit flags provided"),
    "neither": ((), "one machine or unit must be provided"),
    "nothing of that name": (("nope",), "could not find matching unit or machine"),
}


@pytest.mark.parametrize(("words", "said"), CANNOT_PROCEED.values(), ids=CANNOT_PROCEED)
def test_ssh_says_why_it_cannot_proceed(user: Shell, words: tuple[str, ...], said: str) -> None:
    ran = user("ssh", *words)
    assert ran.err.startswith(f"Unable to proceed: {said}")
    assert ran.status == 1


def test_a_machine_without_address_is_no_target(user: Shell) -> None:
    ran = user("ssh", M2[:8])
    assert (ran.err, ran.status) == ("Could not determine address of machine.\n", 1)


def test_a_global_unit_is_shown_on_every_machine_that_has_it(user: Shell, host: SshHost) -> None:
    user.file("all.service", SIMPLE + "[X-Fleet]\nGlobal=true\n")
    user("start", "all")
    ran = user("status", port(host), "all")
    assert ran.out == (
        "Unit all.service on 11111111.../127.0.0.1:\nsystemctl: status -l all.service\n\n"
        "Unit all.service on 22222222...:\n\n"
    )
    assert ran.err == f"Error getting machine IP: machine {M2}: it has published no address\n"
    assert ran.status == 3
    assert user("destroy", "all").status == 0


def test_a_global_unit_is_restarted_on_every_machine(user: Shell, host: SshHost) -> None:
    user.file("all.service", SIMPLE + "[X-Fleet]\nGlobal=true\n")
    user("start", "all")
    user.file(".ssh/config", f"Host *\n  Port {host.port}\n")
    ran = user("restart", "all")
    assert ran.out == "systemctl: restart all.service\n"
    assert ran.err.endswith("Error restarting global units all.service\n")
    assert ran.status == 1
    assert user("destroy", "all").status == 0


def test_status_leaves_the_rest_of_stdin_to_whoever_comes_next(user: Shell, host: SshHost) -> None:
    host.tool("systemctl", "cat")
    try:
        assert user("status", port(host), "a", feed="not for you").out == ""
    finally:
        host.tool("systemctl", SYSTEMCTL)


def test_a_shell_has_a_terminal_of_our_size_and_ours_is_as_before_in_the_end(
    user: Shell, host: SshHost
) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
    before = termios.tcgetattr(theirs)
    with subprocess.Popen(
        [FLEETCTL, "ssh", port(host), M1],
        env={**user.env, "TERM": "dumb"},
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    ) as process:  # fmt: skip
        os.write(ours, b"echo size $(stty size) $TERM; exit 5\n")
        shown = b""
        while b"size 33 77 xterm-256color" not in shown:
            shown += os.read(ours, 4096)
        assert process.wait(10) == 5
    assert termios.tcgetattr(theirs) == before
    os.close(ours)
    os.close(theirs)


def test_an_agent_is_forwarded_on_request(user: Shell, host: SshHost) -> None:
    assert user("ssh", "-A", port(host), M1, "ssh-add -L").out.startswith("ssh-ed25519 ")
    assert user("ssh", port(host), M1, "ssh-add", "--", "-L").status == 2


# Host keys


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


# Tunnels


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


def test_a_tunnel_that_cannot_be_dug_is_said_so(user: Shell) -> None:
    ran = user("--tunnel=127.0.0.1:1", "list-machines")
    assert ran.err == (
        "Unable to initialize client: failed initializing SSH client: "
        "dial tcp 127.0.0.1:1: connect: connection refused\n"
    )
    assert ran.status == 1
