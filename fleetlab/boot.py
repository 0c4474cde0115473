"""Booting a host: systemd-nspawn with systemd as its first process, and knowing when it is up."""

import asyncio
import socket
import subprocess
from collections.abc import Iterable
from pathlib import Path

from fleetlab.cgroups import Cgroup
from fleetlab.commands import spawn
from fleetlab.errors import LabError, TimedOut
from fleetlab.processes import Process


def nspawn_argv(root: Path, *, machine: str, netns: str, binds: Iterable[Path]) -> list[str]:
    """How a host is carried: not registered anywhere, in the namespace and the cgroup it is given."""
    return [
        "systemd-nspawn",
        "--boot",
        "--quiet",
        "--register=no",
        "--keep-unit",
        "--notify-ready=yes",
        "--kill-signal=SIGRTMIN+4",
        "--resolv-conf=off",
        "--timezone=off",
        "--link-journal=no",
        f"--directory={root}",
        f"--machine={machine}",
        f"--network-namespace-path=/run/netns/{netns}",
        *(f"--bind-ro={path}" for path in binds),
    ]


async def boot(argv: list[str], group: Cgroup, directory: Path, timeout: float) -> subprocess.Popen[bytes]:
    """Start nspawn in its cgroup; return when systemd in it has reached its target (timeout in seconds)."""
    notify = directory / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as said:
        said.setblocking(False)
        said.bind(str(notify))
        try:
            env = {"NOTIFY_SOCKET": str(notify), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
            child = spawn(argv, into=group.create(), log=directory / "console", env=env)
            async with asyncio.timeout(timeout):
                await _ready(said, child, directory / "console")
        except TimeoutError:
            raise TimedOut(f"{directory.name} to boot", timeout, _tail(directory / "console")) from None
        finally:
            notify.unlink()
    return child


async def _ready(said: socket.socket, child: subprocess.Popen[bytes], console: Path) -> None:
    """Wait for systemd's word that it is ready, or for the end of nspawn."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            message = await asyncio.wait_for(loop.sock_recv(said, 4096), 0.2)
        except TimeoutError:
            if child.poll() is not None:
                raise LabError(f"the host did not boot; its console says: {_tail(console)}") from None
            continue
        if b"READY=1" in message.splitlines():
            return


def leader_of(nspawn: Process) -> int | None:
    """The host's first process as the machine sees it; None when there is none."""
    return next(iter(nspawn.children), None)


def _tail(console: Path) -> str:
    return console.read_text(errors="replace")[-2000:].strip()
