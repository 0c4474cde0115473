"""Which process it is: a pid alone may have gone to another one since."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """A process, known by its pid and its start time (in clock ticks since the machine's boot)."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> "Process | None":
        """The process that has this pid now; None when nothing living has it."""
        stat = _stat(pid)
        return cls(pid, int(stat[19])) if stat else None

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return Process.of(self.pid) == self

    @property
    def children(self) -> tuple[int, ...]:
        """The pids of its living children."""
        return children(self.pid) if self.alive else ()


def children(pid: int) -> tuple[int, ...]:
    """The pids of the living children of the process that has this pid now."""
    try:
        pids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return ()
    return tuple(int(child) for child in pids)


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat behind the name, from the state on; None for the dead."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else fields
