"""The command line itself: words, flags, help, and what is said when the cluster is not there."""

import subprocess
import sys

import pytest

from tests.fleetctl.conftest import FLEETCTL, Shell

NO_SOCKET = (
    "cannot connect to unix:///var/run/nope.sock: no such file "
    "(is fleetd running here? use --endpoint or FLEETCTL_ENDPOINT)"
)


def test_nothing_at_all_shows_the_short_help(alone: Shell) -> None:
    ran = alone()
    assert ran.status == 0
    assert "\nUsage:\n  fleetctl [flags]\n  fleetctl [command]\n\nAvailable Commands:\n  backup " in ran.out
    assert "\n  help" not in ran.out
    assert ran.out.endswith('\nUse "fleetctl [command] --help" for more information about a command.\n')


@pytest.mark.parametrize(
    "words", [("--help",), ("-h",), ("help",), ("--debug",), ("--endpoint=x", "--version")]
)
def test_flags_alone_show_the_full_help(alone: Shell, words: tuple[str, ...]) -> None:
    ran = alone(*words)
    assert ran.status == 0
    headings = [line for line in ran.out.splitlines() if line.endswith(":") and line.isupper()]
    assert headings == [
        "NAME:", "USAGE:", "VERSION:", "COMMANDS:", "DESCRIPTION:", "EXIT STATUS:", "OPTIONS:"
    ]  # fmt: skip


@pytest.mark.parametrize("words", [("stop", "--help"), ("-h", "stop"), ("help", "sto"), ("stop", "--h", "x")])
def test_help_for_a_command(alone: Shell, words: tuple[str, ...]) -> None:
    ran = alone(*words)
    assert ran.status == 0
    assert "USAGE:\n\tfleetctl stop [--no-block|--block-attempts=N] UNIT...\n\n" in ran.out
    assert "\nOPTIONS:\n      --block-attempts int   " in ran.out
    assert "\nGLOBAL OPTIONS:\n" in ran.out


# What 1.0's scripts and manuals show; what is new stands behind it.
USAGES = """\
cat UNIT
destroy UNIT...
fd-forward SOCKET
help [command]
journal [--lines=N] [--ssh-port=N] [-f|--follow] [--output=STRING] <unit>
list-machines [-l|--full] [--no-legend]
list-unit-files [--fields]
list-units [--no-legend] [-l|--full] [--fields]
load [--no-block|--block-attempts=N] UNIT...
restart [--block-attempts=N] UNIT...
ssh [-A|--forward-agent] [--ssh-port=N] [--machine|--unit] {MACHINE|UNIT}
start [--no-block|--block-attempts=N] UNIT...
status [--ssh-port=N]
stop [--no-block|--block-attempts=N] UNIT...
submit UNIT...
unload UNIT...
version
"""


@pytest.mark.parametrize("usage", USAGES.splitlines())
def test_the_usage_of_a_command_begins_as_in_1_0_however_help_is_asked_for(alone: Shell, usage: str) -> None:
    command = usage.partition(" ")[0]
    shown = {alone(*words).out for words in (("help", command), (command, "-h"), ("--help", command))}
    assert len(shown) == 1
    assert f"\nUSAGE:\n\tfleetctl {usage}" in shown.pop()


def test_help_can_be_asked_for_in_the_environment(alone: Shell) -> None:
    assert alone("stop", "x", FLEETCTL_HELP="true").out.startswith("NAME:\n\tstop - ")


def test_help_for_nothing_there_is(alone: Shell) -> None:
    ran = alone("help", "NOPE")
    assert (ran.err, ran.status) == ("Unknown help topic [`NOPE`].", 0)
    assert ran.out.startswith("NAME:\n\tfleetctl - ")


@pytest.mark.parametrize(
    "words", [("--version",), ("-v",), ("version",), ("version", "x"), ("--version", "stop")]
)
def test_the_version(alone: Shell, words: tuple[str, ...]) -> None:
    ran = alone(*words)
    assert ran.out.startswith("fleetctl version ")
    assert (ran.out.count("\n"), ran.err, ran.status) == (1, "", 0)


UNKNOWN = {
    "nothing like it": ("zzz", ""),
    "one letter off": ("lost", "\n\nDid you mean this?\n\tload\n"),
    "several begin so": ("list-u", "\n\nDid you mean this?\n\tlist-unit-files\n\tlist-units\n"),
}


@pytest.mark.parametrize(("word", "similar"), UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_command_is_an_error_of_usage(alone: Shell, word: str, similar: str) -> None:
    ran = alone(word)
    said = f'unknown command "{word}" for "fleetctl"{similar}'
    assert ran.err == f"Error: {said}\nRun 'fleetctl --help' for usage.\ncannot execute cmdFleet: {said}\n"
    assert (ran.out, ran.status) == ("", 64)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("stop", "--nope"), "unknown flag: --nope"),
        (("stop", "--no-blok"), "unknown flag: --no-blok (did you mean --no-block?)"),
        (("stop", "-v"), "unknown shorthand flag: 'v' in -v"),
        (("stop", "--block-attempts"), "flag needs an argument: --block-attempts"),
        (("stop", "--block-attempts=x"), 'invalid argument "x" for --block-attempts=x: not a whole number'),
        (("stop", "--no-block=2"), 'invalid argument "2" for --no-block=2: neither true nor false'),
        (("--ssh-timeout", "nan", "stop"), 'invalid argument "nan" for --ssh-timeout=nan: not a number'),
        (("--ssh-timeout", "x", "stop"), 'invalid argument "x" for --ssh-timeout=x: not a number'),
    ],
)
def test_a_bad_flag_is_an_error_of_usage(alone: Shell, words: tuple[str, ...], said: str) -> None:
    ran = alone(*words)
    assert ran.err == f"Error: {said}\n\ncannot execute cmdFleet: {said}\n"
    assert ran.out.startswith("NAME:\n\tstop - ")
    assert ran.status == 64


def test_a_bad_variable_is_named(alone: Shell) -> None:
    ran = alone("stop", FLEETCTL_STRICT_HOST_KEY_CHECKING="garbage")
    assert ran.err.startswith('Error: invalid argument "garbage" for FLEETCTL_STRICT_HOST_KEY_CHECKING: ')
    assert ran.status == 64


def test_the_variable_of_the_version_says_nothing(fleetctl: Shell) -> None:
    ran = fleetctl("list-units", "--no-legend", FLEETCTL_VERSION="1.0.0")
    assert (ran.out, ran.err, ran.status) == ("", "", 0)


def test_short_flags_do_not_move_the_long_ones(alone: Shell) -> None:
    lines = alone("list-units", "--help").out.splitlines()
    flags = [line for line in lines if "--" in line[:8] and not line.startswith("\t")]
    assert "  -l, --full " in "".join(flags)
    assert {line.index("--") for line in flags} == {6}


def test_the_command_line_wins_over_the_environment(alone: Shell) -> None:
    ran = alone(
        "--endpoint=unix:///var/run/nope.sock", "stop", "x", FLEETCTL_ENDPOINT="http://h", FLEETCTL_X="1"
    )
    assert (ran.err, ran.status) == (f"{NO_SOCKET}\n", 1)


def test_an_empty_variable_counts_for_nothing(alone: Shell) -> None:
    ran = alone("stop", "x", FLEETCTL_ENDPOINT="")
    assert "unix:///var/run/fleet.sock" in ran.err


ABSENT = {
    ("list-units",): f"Error retrieving list of units from repository: {NO_SOCKET}\n",
    ("list-unit-files",): f"Error retrieving list of units from repository: {NO_SOCKET}\n",
    ("cat", "a"): f"Error retrieving Unit a.service: {NO_SOCKET}\n",
    ("status", "a"): f"Error retrieving unit: {NO_SOCKET}\n",
    ("journal", "a"): f"Error retrieving unit a.service: {NO_SOCKET}\n",
    ("stop", "a"): f"{NO_SOCKET}\n",
    ("ssh", "a"): f"Unable to proceed: {NO_SOCKET}\n",
    ("start", "a"): f"Error creating units: error retrieving Unit(a.service) from Registry: {NO_SOCKET}\n",
    ("list-machines",): (
        f"Error retrieving list of active machines from fleet API ({NO_SOCKET})\n"
        "Possible issues:\n"
        "  etcd is unhealthy and/or lost quorum\n"
        "  connection cannot be established to any etcd servers\n"
    ),
}


@pytest.mark.parametrize(("words", "said"), ABSENT.items(), ids=" ".join)
def test_without_a_cluster_every_command_says_where_it_looked(
    alone: Shell, words: tuple[str, ...], said: str
) -> None:
    ran = alone(*words, FLEETCTL_ENDPOINT="unix:///var/run/nope.sock")
    assert (ran.out, ran.err, ran.status) == ("", said, 1)


def test_a_closed_port_is_named(alone: Shell) -> None:
    ran = alone("--endpoint=http://127.0.0.1:1", "list-units")
    assert "cannot connect to http://127.0.0.1:1: connection refused (" in ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--endpoint=foo",), "URL scheme undefined"),
        (("--driver=etcd", "--endpoint=x"), "etcd server 'x' is no URL"),
        (("--driver=etcd", "--etcd-api=4"), "version 4 of etcd's API is not supported"),
        (("--driver=etcd", "--tunnel=[::1]x"), 'failed initializing SSH client: "[::1]x" is no address'),
        (("--driver=ETCD",), 'unrecognized driver "ETCD"'),
        (("--ca-file=/nope",), "open /nope: no such file or directory"),
    ],
)
def test_what_can_never_work_is_said_before_anything_else(
    alone: Shell, words: tuple[str, ...], said: str
) -> None:
    ran = alone(*words, "version")
    assert ran.err.startswith(f"Unable to initialize client: {said}")
    assert (ran.out, ran.status) == ("", 1)


def test_a_daemon_that_has_not_joined_is_said_so(fleetctl: Shell, cluster: object) -> None:
    cluster.gate.open = False  # type: ignore[attr-defined]
    ran = fleetctl("list-units")
    assert ran.err == (
        "Error retrieving list of units from repository: "
        "googleapi: Error 503: fleet server unable to communicate with etcd\n"
    )
    assert ran.status == 1


def test_requests_are_logged_on_request(fleetctl: Shell, cluster: object) -> None:
    ran = fleetctl("--debug", "list-machines")
    assert " DEBUG exchange.py:" in ran.err
    assert ran.err.rstrip().endswith(": HTTP GET http://domain-sock/fleet/v1/machines?alt=json 200 OK")


def test_the_steps_of_a_start_are_logged_on_request(fleetctl: Shell) -> None:
    fleetctl.file("a.service")
    fleetctl("submit", "a")
    err = fleetctl("start", "a", FLEETCTL_DEBUG="true").err
    steps = [line.partition(": ")[2] for line in err.splitlines() if "HTTP" not in line]
    assert steps == [
        "Looking for Unit(a.service) or its corresponding template",
        "Found Unit(a.service)",
        "Setting Unit(a.service) target state to launched",
    ]


def test_fd_forward_joins_stdin_and_stdout_to_a_socket(fleetctl: Shell, cluster: object) -> None:
    path = str(cluster.socket_path)  # type: ignore[attr-defined]
    with fleetctl.popen("fd-forward", path, feed="") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("GET /fleet/v1/units HTTP/1.0\r\n\r\n")
        process.stdin.flush()
        assert process.stdout.read().endswith("\n\n{}")
    assert process.returncode == 0
    nobody = fleetctl("fd-forward", "/nope.sock")
    assert (nobody.err, nobody.status) == ("Failed dialing remote address: /nope.sock: no such file\n", 0)


STREAMS = {
    "nobody is to hear of errors": ("stop nope 2>&-", 0, ""),
    "nobody is to see results": ("list-units >&-", 0, ""),
    "nor to answer": ("stop nope <&- >&- 2>&-", 0, ""),
    "errors find no room": ("stop nope 2>/dev/full", 0, ""),
    "results find no room": (
        "list-units >/dev/full", 1, "Error: the output cannot be written: no space left on device\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("line", "status", "said"), STREAMS.values(), ids=STREAMS)
def test_closed_and_full_streams_change_nothing_else(
    fleetctl: Shell, line: str, status: int, said: str
) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f"{FLEETCTL} {line}"], env=fleetctl.env, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", said, status)


def test_whoever_stops_reading_gets_no_complaint(fleetctl: Shell) -> None:
    with fleetctl.popen("help") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""


HEAVY = (
    "paramiko",
    "requests",
    "asyncio",
    "logging",
    "importlib.metadata",
    "units.file",
    "fleetctl.ssh",
    "subprocess",
)


def test_a_list_from_a_local_socket_imports_nothing_heavy(fleetctl: Shell) -> None:
    code = (
        "import sys; from fleetctl import cli; sys.argv = ['fleetctl', 'list-units']; cli.main(); "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=fleetctl.env, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
