"""Whether anything of a lab is left on the machine: looked for in the kernel, not in fleetlab's records."""

import subprocess
from pathlib import Path


def traces(lab: str) -> list[str]:
    """Everything on this machine that carries the lab's id."""
    return [*_mounts(lab), *_files(lab), *_processes(lab)]


def _mounts(lab: str) -> list[str]:
    return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if lab in line]


def _files(lab: str) -> list[str]:
    places = ["/run/fleet-lab", "/run/netns", "/run/systemd/nspawn/propagate"]
    found = [str(path) for place in places for path in Path(place).glob(f"*{lab}*")]
    groups = subprocess.run(
        ["find", "/sys/fs/cgroup", "-name", f"*{lab}*"], capture_output=True, text=True, check=False
    )
    return found + groups.stdout.split()


def _processes(lab: str) -> list[str]:
    return [path.name for path in Path("/proc").glob("[0-9]*") if lab.encode() in _said_by(path)]


def _said_by(process: Path) -> bytes:
    """How the process was called and where it is; nothing for a dead one that init has still to bury."""
    try:
        if (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return b""
        return (process / "cmdline").read_bytes() + (process / "cgroup").read_bytes()
    except OSError:
        return b""
