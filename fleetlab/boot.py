"""Booting a host: systemd-nspawn with systemd as its first process, and knowing when it is up."""

import asyncio
import socket
import subprocess
from collections.abc import Iterable
from pathlib import Path

from fleetlab.cgroups import Cgroup
from fleetlab.commands import spawn
from fleetlab.errors import LabError, TimedOut
from fleetlab.processes import Process, children
from fleetlab.waiting import wait_until


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


# A host that reboots itself makes nspawn end with 133: then it is carried again, in the same network.
# The carrier stays out of nspawn's own cgroup, because a group with controllers holds no processes itself.
_CARRY = """
while :; do
    ( for f in $BOX; do echo 0 >"$f"; done; unset BOX; exec "$@" )
    [ $? -eq 133 ] || exit
done
"""


async def boot(argv: list[str], group: Cgroup, directory: Path, timeout: float) -> subprocess.Popen[bytes]:
    """Start a host in its cgroup; return its carrier when its systemd has reached its target (seconds)."""
    console = directory / "console"
    console.write_bytes(b"")  # what is kept there is about this boot only
    notify = directory / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as said:
        said.setblocking(False)
        said.bind(str(notify))
        try:
            child = _carry(argv, group, notify, console)
            async with asyncio.timeout(timeout):
                await _ready(said, child, console)
        except TimeoutError:
            raise TimedOut(f"{directory.name} to boot", timeout, _tail(console)) from None
        finally:
            notify.unlink()
    return child


def _carry(argv: list[str], group: Cgroup, notify: Path, console: Path) -> subprocess.Popen[bytes]:
    box = Cgroup(f"{group.path}/box").create()
    env = {
        "BOX": " ".join(map(str, box)),
        "NOTIFY_SOCKET": str(notify),
        "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
    }
    carrier = Cgroup(f"{group.path}/carrier").create()
    return spawn(["/bin/sh", "-c", _CARRY, "sh", *argv], into=carrier, log=console, env=env)


async def _ready(said: socket.socket, child: subprocess.Popen[bytes], console: Path) -> None:
    """Wait for systemd's word that it is ready; fail when its carrier ends instead."""
    word = asyncio.ensure_future(_word_of_readiness(said))
    end = asyncio.ensure_future(wait_until(lambda: child.poll() is not None, 1e9, "its end", interval=0.1))
    try:
        await asyncio.wait((word, end), return_when=asyncio.FIRST_COMPLETED)
        if not word.done():
            raise LabError(f"the host did not boot; its console says: {_tail(console)}")
    finally:
        word.cancel()
        end.cancel()


async def _word_of_readiness(said: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while b"READY=1" not in (await loop.sock_recv(said, 4096)).splitlines():
        pass


def leader_of(carrier: Process) -> int | None:
    """The host's first process as the machine sees it; None when there is none at this moment."""
    for nspawn in carrier.children:
        for leader in children(nspawn):
            return leader
    return None


def _tail(console: Path) -> str:
    return console.read_text(errors="replace")[-2000:].strip()
