"""Booting a host: systemd-nspawn with systemd as its first process, and knowing when it is up."""

import asyncio
import socket
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fleetlab.cgroups import Cgroup
from fleetlab.commands import spawn
from fleetlab.errors import LabError
from fleetlab.processes import Process, children
from fleetlab.waiting import wait_until

DEVICES = (Path("/dev/autofs"),)
"""What automounts need, which nspawn does not hand on by itself."""


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
        *(f"--bind={device}" for device in DEVICES if device.exists()),
    ]


# A host that reboots itself makes nspawn end with 133: then it is carried again, in the same network.
# The carrier stays out of nspawn's own cgroup, because a group with controllers holds no processes itself.
_CARRY = """
while :; do
    ( for f in $BOX; do echo 0 >"$f"; done; unset BOX; exec "$@" )
    [ $? -eq 133 ] || exit
done
"""


@contextmanager
def listening(directory: Path) -> Iterator[socket.socket]:
    """A socket on which nspawn says how far the host is."""
    path = directory / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as said:
        said.setblocking(False)
        said.bind(str(path))
        try:
            yield said
        finally:
            path.unlink()


def carry(argv: list[str], group: Cgroup, directory: Path) -> subprocess.Popen[bytes]:
    """Start a host in its cgroup; the process that carries it, through its own reboots too."""
    box = Cgroup(f"{group.path}/box").create()
    env = {
        "BOX": " ".join(map(str, box)),
        "NOTIFY_SOCKET": str(directory / "notify"),
        "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
    }
    console = directory / "console"
    console.write_bytes(b"")  # what is kept there is about this boot only
    carrier = Cgroup(f"{group.path}/carrier").create()
    return spawn(["/bin/sh", "-c", _CARRY, "sh", *argv], into=carrier, log=console, env=env)


async def ready(said: socket.socket, child: subprocess.Popen[bytes], directory: Path, timeout: float) -> None:
    """Wait for systemd's word that it is ready (seconds); fail at once when its carrier ends instead."""
    word = asyncio.ensure_future(_word_of_readiness(said))
    end = asyncio.ensure_future(
        wait_until(lambda: child.poll() is not None, timeout, "its end", interval=0.1)
    )
    try:
        await asyncio.wait((word, end), return_when=asyncio.FIRST_COMPLETED)
        if word.done():
            return
        what = "did not boot" if child.poll() is not None else f"was not up after {timeout:g} s"
        raise LabError(f"{directory.name} {what}; its console ends with: {_tail(directory / 'console')}")
    finally:
        word.cancel()
        end.cancel()
        await asyncio.gather(word, end, return_exceptions=True)


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
