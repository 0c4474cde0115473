"""What the tests of the command line share: a cluster, a directory with unit files, and a user.

The command line runs in this process, which is quick, or where a process makes a difference (SSH, signals,
other programs) in one of its own.
"""

import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleetctl.cli import finish
from tests.fleetctl.small_cluster import M1, M2, SmallCluster, small_cluster
from tests.fleetctl.ssh_host import USER, SshHost, ssh_host
from units.machine import Machine

FLEETCTL = Path(sys.executable).parent / "fleetctl"
SYSTEMCTL = 'echo "systemctl: $*"; exit 3'
SIMPLE = "[Service]\nExecStart=/bin/sleep infinity\n"


@dataclass(frozen=True)
class Ran:
    """What one run of fleetctl said, and how it ended."""

    out: str
    err: str
    status: int


class Shell:
    """A user in a directory, with an environment of their own."""

    def __init__(self, directory: Path, env: Mapping[str, str], *, spawns: bool = False) -> None:
        self.directory = directory
        self.spawns = spawns
        self.env = {"PATH": os.environ["PATH"], "HOME": str(directory), **env}

    def file(self, name: str, text: str = SIMPLE) -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def popen(self, *words: str, feed: str | None = None, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [FLEETCTL, *words],
            cwd=self.directory,
            env={**self.env, **env},
            stdin=subprocess.DEVNULL if feed is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words: str, feed: str | None = None, **env: str) -> Ran:
        """Run it to its end; `feed` is what it reads from stdin (in a process of its own)."""
        if not self.spawns and feed is None:
            return self._here(*words, **env)
        with self.popen(*words, feed=feed, **env) as process:
            out, err = process.communicate(feed, timeout=60)
        return Ran(out, err, process.returncode)

    def _here(self, *words: str, **env: str) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        with standing_in(self.directory, {**self.env, **env}), redirect_stdout(out), redirect_stderr(err):
            status = finish(words)
        return Ran(out.getvalue(), err.getvalue(), status)


@contextmanager
def standing_in(directory: Path, env: Mapping[str, str]) -> Iterator[None]:
    """This process in a directory and with an environment, as a child process would have them."""
    before, place = dict(os.environ), Path.cwd()
    os.environ.clear()
    os.environ.update(env)
    os.chdir(directory)
    try:
        yield
    finally:
        os.chdir(place)
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[SmallCluster]:
    with small_cluster(tmp_path) as cluster:
        yield cluster


@pytest.fixture
def fleetctl(cluster: SmallCluster, tmp_path: Path) -> Shell:
    """fleetctl run in an empty directory, against the cluster."""
    directory = tmp_path / "here"
    directory.mkdir()
    return Shell(directory, {"FLEETCTL_ENDPOINT": cluster.endpoint})


@pytest.fixture
def alone(tmp_path: Path) -> Shell:
    """fleetctl run in an empty directory, without any cluster."""
    directory = tmp_path / "alone"
    directory.mkdir()
    return Shell(directory, {})


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
        spawns=True,
    )
    shell.file(".fleetctl/known_hosts", f"[127.0.0.1]:{host.port} {host.host_key}\n")
    shell.file("a.service", SIMPLE)
    shell("start", "a")
    return shell
