"""Who this host is, where it can be reached, and what one daemon leaves to the next."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fleetd import ownunit, presence, sockets
from fleetd.presence import NoMachineID
from fleetd.rundir import AlreadyRunning, RunDirectory

ROUTES = """\
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth1	0000A8C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
eth0	00000000	0100A8C0	0003	0	0	0	00000000	0	0	0
eth2	00000000	0100A8C0	0003	0	0	9	00000000	0	0	0
"""


def test_the_interface_of_the_first_default_route() -> None:
    assert presence.default_interface(ROUTES) == "eth0"


@pytest.mark.parametrize(
    "routes",
    ["", ROUTES.splitlines()[0], "\n".join(ROUTES.splitlines()[:2]), ROUTES.replace("0003", "0002")],
    ids=["nothing", "no routes", "no default route", "default routes that are down"],
)
def test_no_default_route_no_interface(routes: str) -> None:
    assert presence.default_interface(routes) is None


ADDRESSES = {
    "10.0.0.1": True,
    "192.168.1.1": True,
    "8.8.8.8": True,
    "198.18.0.11": True,
    "127.0.0.1": False,
    "169.254.0.1": False,
    "224.0.0.1": False,
    "0.0.0.0": False,
    "255.255.255.255": False,
}


@pytest.mark.parametrize(("address", "expected"), ADDRESSES.items(), ids=list(ADDRESSES))
def test_global_unicast(address: str, expected: bool) -> None:
    assert presence.is_global_unicast(address) is expected


def test_the_address_of_this_host_is_empty_or_one_that_counts() -> None:
    address = presence.public_ip()
    assert address == "" or presence.is_global_unicast(address)


def test_the_machine_id_is_trimmed(tmp_path: Path) -> None:
    path = tmp_path / "machine-id"
    path.write_text(" 0123456789abcdef0123456789abcdef\n")
    assert presence.machine_id(path) == "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("content", [None, "", "\n", "two words", "a/b"])
def test_no_machine_id_is_said(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "machine-id"
    if content is not None:
        path.write_text(content)
    with pytest.raises(NoMachineID, match=r"unable to determine local machine ID: .*machine-id"):
        presence.machine_id(path)


def test_a_second_daemon_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    hold = (
        "import sys, pathlib; from fleetd.rundir import RunDirectory\n"
        "with RunDirectory(pathlib.Path(sys.argv[1])).locked(): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path / "fleet")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdin is not None
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        directory = RunDirectory(tmp_path / "fleet")
        with pytest.raises(AlreadyRunning, match=f"pid {first.pid} holds"), directory.locked():
            pass
        first.kill()
        first.wait()
        with directory.locked():
            assert (tmp_path / "fleet" / "fleetd.lock").read_text() == f"{os.getpid()}\n"


def test_a_session_is_kept_until_it_is_forgotten(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    assert directory.session_token() is None
    directory.keep_session_token("a.1")
    directory.keep_session_token("b.2")
    assert directory.session_token() == "b.2"
    assert [path.name for path in tmp_path.iterdir()] == ["session"]
    directory.forget_session_token()
    directory.forget_session_token()
    assert directory.session_token() is None


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
def test_a_session_that_cannot_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "session").write_bytes(content)
    assert RunDirectory(tmp_path).session_token() is None


def test_the_daemon_of_a_user_has_a_directory_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1000")
    assert RunDirectory.of(user=True).path == Path("/run/user/1000/fleet")
    assert RunDirectory.of(user=False).path == Path("/run/fleet")


PASSED = {
    "two": ({"LISTEN_PID": "7", "LISTEN_FDS": "2"}, range(3, 5)),
    "nothing said": ({}, range(0)),
    "another process": ({"LISTEN_PID": "8", "LISTEN_FDS": "2"}, range(0)),
    "no number": ({"LISTEN_PID": "x", "LISTEN_FDS": "2"}, range(0)),
    "no count": ({"LISTEN_PID": "7", "LISTEN_FDS": ""}, range(0)),
    "none": ({"LISTEN_PID": "7", "LISTEN_FDS": "0"}, range(0)),
    "less than none": ({"LISTEN_PID": "7", "LISTEN_FDS": "-1"}, range(0)),
}


@pytest.mark.parametrize(("environment", "expected"), PASSED.values(), ids=PASSED)
def test_passed_descriptors(environment: dict[str, str], expected: range) -> None:
    assert sockets.passed(environment, 7) == expected


def passed(*made: socket.socket) -> range:
    """The descriptors of these sockets, which belong to the taker from now on, in a row."""
    for row in range(100, 1000, 10):
        taken = [fd for fd in range(row, row + len(made)) if Path(f"/proc/self/fd/{fd}").exists()]
        if not taken:
            for place, one in enumerate(made, start=row):
                os.dup2(one.fileno(), place, inheritable=True)
                one.close()
            return range(row, row + len(made))
    raise AssertionError("no room")


def test_unix_and_tcp_listeners_are_taken_together(tmp_path: Path) -> None:
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(str(tmp_path / "s"))
    unix.listen()
    tcp = socket.create_server(("127.0.0.1", 0))
    taken = sockets.listeners(passed(unix, tcp))
    assert [one.family for one in taken] == [socket.AF_UNIX, socket.AF_INET]
    assert not any(os.get_inheritable(one.fileno()) or one.getblocking() for one in taken)
    for one in taken:
        one.close()


def test_what_is_no_stream_listener_is_skipped_and_said(caplog: pytest.LogCaptureFixture) -> None:
    row = passed(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.create_server(("127.0.0.1", 0)))
    (taken,) = sockets.listeners(row)
    assert taken.fileno() == row[1]
    assert f"socket {row[0]} passed by systemd is no stream listener" in caplog.text
    taken.close()
    os.close(row[0])


def test_what_is_no_socket_is_skipped_and_said(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        assert sockets.listeners(range(file.fileno(), file.fileno() + 1)) == []
    assert "passed by systemd is no socket" in caplog.text


CGROUPS = {
    "of version 2": ("0::/system.slice/fleet.service\n", "fleet.service"),
    "hybrid": ("2:cpu:/\n1:name=systemd:/system.slice/fleet.service\n", "fleet.service"),
    "of a user": (
        "0::/user.slice/user-1000.slice/user@1000.service/app.slice/fleet.service\n",
        "fleet.service",
    ),
    "no service": ("0::/user.slice/session-1.scope\n", None),
    "none": ("0::/\n", None),
}


@pytest.mark.parametrize(("cgroups", "unit"), CGROUPS.values(), ids=CGROUPS)
def test_own_unit(cgroups: str, unit: str | None) -> None:
    assert ownunit.own_unit(cgroups) == unit


def test_whose_own_unit() -> None:
    of_user = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/fleet.service\n"
    assert (ownunit.own_unit(of_user), ownunit.is_of_a_user(of_user)) == ("fleet.service", True)
    assert not ownunit.is_of_a_user("0::/system.slice/fleet.service\n")
    assert not ownunit.is_of_a_user("0::/user.slice/user-0.slice/user@0.service\n")
    assert not ownunit.is_of_a_user("")


JOBS = {
    "a restart": ("494 fleet.socket restart waiting\n453 fleet.service restart running\n", True),
    "a stop": ("453 fleet.service stop running\n", False),
    "a start that takes the place of a stop": ("453 fleet.service start waiting\n", True),
    "a restart of another unit": ("453 fleet.socket restart running\n", False),
    "nothing": ("", False),
    "something else": ("No jobs running.\n", False),
}


@pytest.mark.parametrize(("jobs", "expected"), JOBS.values(), ids=JOBS)
def test_is_restart(jobs: str, expected: bool) -> None:
    assert ownunit.is_restart(jobs, "fleet.service") is expected
