"""Control groups: each host and each etcd member lives in one, so that it can be killed and frozen whole.

Works on the unified tree, and on the hybrid one where systemd's own hierarchy stands beside it.
"""

import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fleetlab.errors import NotPossible, TimedOut
from fleetlab.waiting import wait_until


@dataclass(frozen=True, slots=True)
class Mounts:
    """Where the machine has its trees: the unified one, and systemd's legacy one if there is one."""

    unified: Path
    legacy: Path | None


@cache
def mounts() -> Mounts:
    """The trees of this machine."""
    unified = legacy = None
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place, _, rest = line.partition(" - ")
        kind, _, options = rest.split(" ", 2)
        if kind == "cgroup2":
            unified = Path(place.split()[4])
        elif kind == "cgroup" and "name=systemd" in options.split(","):
            legacy = Path(place.split()[4])
    if unified is None:
        raise NotPossible("a lab needs control groups v2, and no cgroup2 tree is mounted here")
    return Mounts(unified, legacy)


@dataclass(frozen=True, slots=True)
class Cgroup:
    """One group, named by its path below the top of the trees."""

    path: str

    @property
    def unified(self) -> Path:
        """Its directory in the unified tree."""
        return mounts().unified / self.path

    @property
    def directories(self) -> tuple[Path, ...]:
        """Its directory in every tree."""
        legacy = mounts().legacy
        return (self.unified,) if legacy is None else (self.unified, legacy / self.path)

    def create(self) -> tuple[Path, ...]:
        """Make it, with all controllers handed down; the files by which a process enters it."""
        for directory in self.directories:
            directory.mkdir(parents=True, exist_ok=True)
        top = mounts().unified
        for parent in [*self.unified.relative_to(top).parents][-2::-1]:  # not the machine's own top
            _hand_down(top / parent)
        if not (self.unified / "cgroup.kill").exists():
            raise NotPossible("a lab needs Linux 5.14 or newer: control groups here have no cgroup.kill")
        return tuple(directory / "cgroup.procs" for directory in self.directories)

    def signal_kill(self) -> None:
        """SIGKILL to every process in it and below, frozen or not, all in one moment."""
        with suppress(FileNotFoundError):
            (self.unified / "cgroup.kill").write_text("1")

    @property
    def populated(self) -> bool:
        """Whether a living process is in it or below."""
        return self._event("populated")

    async def kill(self) -> None:
        """Kill all that is in it and wait until they are gone."""
        self.signal_kill()
        await wait_until(
            lambda: not self.populated, 10, f"the end of all processes in {self.path}", interval=0.003
        )

    async def freeze(self, frozen: bool) -> None:
        """Stop every process in it where it stands, or let all go on."""
        (self.unified / "cgroup.freeze").write_text("1" if frozen else "0")
        await wait_until(
            lambda: self.frozen == frozen, 10, f"cgroup {self.path} frozen={frozen}", interval=0.003
        )

    @property
    def frozen(self) -> bool:
        """Whether its processes are stopped."""
        return self._event("frozen")

    def _event(self, name: str) -> bool:
        try:
            lines = (self.unified / "cgroup.events").read_text().splitlines()
        except FileNotFoundError:
            return False
        return f"{name} 1" in lines

    def remove(self, timeout: float = 5) -> None:
        """Remove it with all below, as soon as the kernel has buried what was in it (seconds)."""
        deadline = time.monotonic() + timeout
        while any(directory.exists() for directory in self.directories):
            for directory in self.directories:
                _remove_tree(directory)
            if time.monotonic() > deadline:
                raise TimedOut(f"cgroup {self.path} to become empty", timeout, "busy")
            time.sleep(0.002)

    def remove_if_empty(self) -> None:
        """Remove it if there is no other group in it."""
        for directory in self.directories:
            with suppress(OSError):
                directory.rmdir()


def _hand_down(directory: Path) -> None:
    """Give the controllers of a group to its children, as far as the machine lets us."""
    for controller in (directory / "cgroup.controllers").read_text().split():
        with suppress(OSError):
            (directory / "cgroup.subtree_control").write_text(f"+{controller}")


def _remove_tree(directory: Path) -> None:
    with suppress(OSError):
        for child in directory.iterdir():
            if child.is_dir():
                _remove_tree(child)
        directory.rmdir()
