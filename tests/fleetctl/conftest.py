"""What the tests of the command line share: a cluster, a directory with unit files, and the real process."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fleetctl.small_cluster import SmallCluster, small_cluster

FLEETCTL = Path(sys.executable).parent / "fleetctl"
SIMPLE = "[Service]\nExecStart=/bin/sleep infinity\n"


@dataclass(frozen=True)
class Ran:
    """What one run of fleetctl said, and how it ended."""

    out: str
    err: str
    status: int


class Shell:
    """A user in a directory, with an environment of their own."""

    def __init__(self, directory: Path, env: Mapping[str, str]) -> None:
        self.directory = directory
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
        """Run it to its end; `feed` is what it reads from stdin."""
        with self.popen(*words, feed=feed, **env) as process:
            out, err = process.communicate(feed, timeout=60)
        return Ran(out, err, process.returncode)


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
