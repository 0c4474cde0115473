"""`fleet-lab` as a user runs it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.fleetlab.traces import traces

pytestmark = pytest.mark.lab

COMMAND = Path(sys.executable).parent / "fleet-lab"


class User:
    """Someone with a lab of this name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def runs(self, line: str) -> subprocess.CompletedProcess[str]:
        """The outcome of `fleet-lab LINE` on the lab."""
        return subprocess.run(
            [COMMAND, *line.split()],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={"FLEET_LAB": self.name, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )


@pytest.fixture
def user() -> Iterator[User]:
    made = User(f"u{uuid4().hex[:8]}")
    yield made
    made.runs("down")
    assert traces(made.name) == []


def test_a_lab_stays_until_it_is_taken_down(user: User) -> None:
    up = user.runs("up --hosts 2 --no-fleet")
    assert up.returncode == 0, up.stderr
    assert "fleet-lab ssh h1 -- fleetctl list-machines" in up.stdout
    assert user.name in user.runs("ls").stdout
    assert user.runs("up").stderr == (
        f"fleet-lab: a lab named '{user.name}' is up already (fleet-lab down --name {user.name} ends it)\n"
    )
    done = user.runs("ssh h2 -- sh -c hostname;exit${IFS}3")
    assert (done.returncode, done.stdout) == (3, "h2\n")
    assert user.runs("kill h2").returncode == 0
    assert user.runs("cut h1 --etcd").returncode == 0
    assert user.runs("etcd pause m1").returncode == 0
    states = [line.split()[2] for line in user.runs("status").stdout.splitlines()[1:]]
    assert states == ["up", "down", "paused"]
    assert user.runs("etcd resume m1").returncode == 0
    assert user.runs("heal h1").returncode == 0
    assert user.runs("boot h2").returncode == 0
    assert "h3 is up" in user.runs("add").stdout
    assert user.runs("ssh h3 hostname").stdout == "h3\n"
    assert user.runs("down").returncode == 0
    assert traces(user.name) == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("status", "no lab named"),
        ("down", "no lab named"),
        ("ssh h1", "no lab named"),
        ("up --name Ä", "is no name for a lab"),
    ],
)
def test_a_mistake_is_answered_in_one_line(user: User, line: str, says: str) -> None:
    done = user.runs(line)
    assert done.returncode == 1
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
