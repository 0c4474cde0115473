"""Other hosts over a real sshd, with a real ssh-agent: status, journal, ssh."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios

import pytest

from tests.fleetctl.conftest import FLEETCTL, SIMPLE, SYSTEMCTL, Shell
from tests.fleetctl.old_daemon import old_daemon
from tests.fleetctl.small_cluster import M1, M2
from tests.fleetctl.ssh_host import SshHost, port

pytestmark = pytest.mark.lab


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
        _, err = process.communicate(timeout=10)
    assert (err, process.returncode) == ("", 130)


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


def test_a_machine_may_publish_the_port_of_its_sshd_with_its_address(user: Shell, host: SshHost) -> None:
    machines = [{"id": M1, "primaryIP": f"127.0.0.1:{host.port}"}]
    with old_daemon(machines=machines) as old:
        ran = user("ssh", M1[:4], "echo hi", FLEETCTL_ENDPOINT=old.endpoint)
        assert old.requests() == ["GET machines", f"GET units/{M1[:4]}.service"]
    assert (ran.out, ran.err, ran.status) == ("hi\n", "", 0)


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
