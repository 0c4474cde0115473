"""Taking a lab down: everything that carries its id goes, nothing else is touched.

Rule 1: every step may find its work done already; any process may do this, several at once.
Rule 2: no record is needed, only the id.
Rule 3: nothing is deleted by walking a tree of files: mounts are dropped, and empty directories removed.
"""

import subprocess
import time
from contextlib import suppress
from pathlib import Path

from fleetlab.cgroups import Cgroup
from fleetlab.errors import TimedOut
from fleetlab.netns import DIRECTORY
from fleetlab.network import PREFIX
from fleetlab.state import RUN

NSPAWN = Path("/run/systemd/nspawn")


def cgroup_of(*parts: str) -> str:
    """The cgroup of a lab, or of something in it, or of all labs."""
    return "/".join(("fleet-lab", *parts))


def machine_of(lab: str, host: str) -> str:
    """What nspawn calls a host: unique on the machine."""
    return f"{lab}.{host}"


def teardown(lab: str) -> None:
    """Take the lab with this id down."""
    _kill(Cgroup(cgroup_of(lab)))
    for root in (RUN / lab).glob("hosts/*/root"):
        forget_nspawn(root, machine_of(lab, root.parent.name))
    _unmount(RUN / lab)
    _delete_namespaces(f"{PREFIX}{lab}")
    Cgroup(cgroup_of(lab)).remove()
    with suppress(FileNotFoundError):
        (RUN / lab).rmdir()


def forget_nspawn(root: Path, machine: str) -> None:
    """Remove what a killed nspawn left of its own: its lock and its directory for mounts."""
    with suppress(FileNotFoundError):
        there = root.stat()
        (NSPAWN / "locks" / f"inode-{there.st_dev}:{there.st_ino}").unlink()
    with suppress(FileNotFoundError):
        (NSPAWN / "propagate" / machine).rmdir()


def mounted_below(directory: Path) -> list[str]:
    """Where something is mounted at or below the directory, the deepest first."""
    places = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [
        place for place in reversed(places) if place == str(directory) or place.startswith(f"{directory}/")
    ]


def _kill(group: Cgroup, timeout: float = 10) -> None:
    deadline = time.monotonic() + timeout
    group.signal_kill()
    while group.populated:
        if time.monotonic() > deadline:
            raise TimedOut(f"the end of all processes in {group.path}", timeout, "alive")
        time.sleep(0.003)


def _unmount(directory: Path) -> None:
    for place in mounted_below(directory):
        # Another process may have been faster; what counts is that nothing is mounted in the end.
        subprocess.run(["umount", "--lazy", place], stderr=subprocess.DEVNULL, check=False)


def _delete_namespaces(name: str) -> None:
    for found in [*DIRECTORY.glob(f"{name}.*"), *DIRECTORY.glob(name)]:
        subprocess.run(["ip", "netns", "delete", found.name], stderr=subprocess.DEVNULL, check=False)
