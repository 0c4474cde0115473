"""Real members of etcd on loopback, for tests: they can be frozen, killed and started again."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.ports import free_port

ETCD = shutil.which("etcd")
"""The first on the PATH: so the tests are run with another version."""
START_TIMEOUT = 20.0
"""Seconds until a member must listen."""


class Member:
    """One member of a cluster of etcd."""

    def __init__(self, name: str, folder: Path, options: Sequence[str] = (), *, scheme: str = "http") -> None:
        self.name = name
        self.client_url = f"{scheme}://127.0.0.1:{free_port()}"
        self.listen_peer_url = f"http://127.0.0.1:{free_port()}"
        self.peer_url = self.listen_peer_url
        """Where the other members look for it."""
        self.initial_cluster = ""
        self._folder = folder / name
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert ETCD is not None
        self._folder.mkdir(exist_ok=True)
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [ETCD, *self._arguments()], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def wait_listening(self) -> None:
        """Wait until it takes connections; it may not have a leader yet."""
        port = int(self.client_url.rpartition(":")[2])
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            time.sleep(0.02)
        raise TimeoutError(f"etcd {self.name} does not listen: {(self._folder / 'log').read_text()[-2000:]}")

    def wait_led(self) -> None:
        """Wait until its cluster has a leader; of a member that speaks TLS it is not known."""
        deadline = time.monotonic() + START_TIMEOUT
        while self.client_url.startswith("http:") and time.monotonic() < deadline:
            with suppress(OSError), urllib.request.urlopen(f"{self.client_url}/health", timeout=1):
                return
            time.sleep(0.02)

    def freeze(self) -> None:
        """Stop it where it stands; when this returns, none of its threads runs on."""
        self._signal(signal.SIGSTOP)
        assert self._process is not None
        while not _all_stopped(self._process.pid):
            time.sleep(0.001)  # the kernel tells nobody when the last thread has stopped

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it without warning; what it has stored stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    async def restart(self) -> None:
        self.start()
        await asyncio.to_thread(self.wait_listening)

    def forget(self) -> None:
        """Lose all that it has stored."""
        shutil.rmtree(self._folder)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def _arguments(self) -> list[str]:
        options = {
            "--name": self.name,
            "--data-dir": str(self._folder / "data"),
            "--listen-client-urls": self.client_url,
            "--advertise-client-urls": self.client_url,
            "--listen-peer-urls": self.listen_peer_url,
            "--initial-advertise-peer-urls": self.peer_url,
            "--initial-cluster": self.initial_cluster,
            "--log-level": "error",
        }
        return [*(f"{name}={value}" for name, value in options.items()), *self._options]


class Cluster:
    """Some members that form a cluster, gone with all their data when the context ends."""

    def __init__(self, size: int = 1, options: Sequence[str] = (), *, scheme: str = "http") -> None:
        shared_memory = Path("/dev/shm")
        folder = shared_memory if shared_memory.is_dir() else None
        self._folder = Path(tempfile.mkdtemp(prefix="fleet-etcd-", dir=folder))
        self.members = [Member(f"e{n}", self._folder, options, scheme=scheme) for n in range(size)]

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(member.client_url for member in self.members)

    def start(self) -> None:
        """Start all, and wait until they have a leader."""
        everyone = ",".join(f"{member.name}={member.peer_url}" for member in self.members)
        for member in self.members:
            member.initial_cluster = everyone
            member.start()
        for member in self.members:
            member.wait_listening()
        for member in self.members:
            member.wait_led()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        for member in self.members:
            member.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


def _all_stopped(pid: int) -> bool:
    """Whether every thread of a process is stopped, by its state in /proc."""
    stats = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    return all(stat.rpartition(")")[2].split()[0] == "T" for stat in stats)
