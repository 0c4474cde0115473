"""Which stored contents of unit files nothing names any more.

Rule 1: what was unnamed in one look only stays: whoever stores a unit may be about to name it.
Rule 2: nothing is removed while a record cannot be read: it may name a content.
"""

from typing import Final

from registry.port import Discard
from registry.records import Picture

LOOK_INTERVALS: Final = 30
"""Between two looks lie so many reconcile intervals, by default a minute: a look costs O(units)."""
AT_ONCE: Final = 1000
"""How many contents one look removes at most."""


class Contents:
    """What one leader remembers of them."""

    def __init__(self, interval: float) -> None:
        """`interval` is `engine_reconcile_interval`, in seconds."""
        self._pause = LOOK_INTERVALS * interval
        self._look_at = 0.0
        self._unnamed: frozenset[str] = frozenset()

    def unwanted(self, picture: Picture, now: float) -> tuple[Discard, ...]:
        """What to remove at `now` (seconds of the event loop's clock): nothing between two looks."""
        if now < self._look_at:
            return ()
        self._look_at = now + self._pause
        before, self._unnamed = self._unnamed, unnamed(picture)
        return tuple(Discard(hash, picture.revision) for hash in sorted(before & self._unnamed)[:AT_ONCE])


def unnamed(picture: Picture) -> frozenset[str]:
    """The hashes of all contents that neither a job nor an entry of a schedule names."""
    if picture.broken:
        return frozenset()
    jobs = {job.hash for job in picture.jobs.values()}
    placed = {entry.hash for entries in picture.schedule.values() for entry in entries.values()}
    return frozenset(picture.files.keys() - jobs - placed)
