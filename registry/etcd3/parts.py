"""What is known of the ranges of a view, and which of its news have to wait for those of other ranges. Pure.

Rule 1: news of one range come in order, so up to its last one nothing of it is missing.
Rule 2: news are given out as far as nothing is missing in any range, in the order of their revisions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from registry.etcd3.watch import News
from registry.tables import Change


@dataclass(slots=True)
class _Part:
    """One range: up to which revision it is known, and which keys it has there."""

    revision: int = 0
    keys: set[str] = field(default_factory=set)

    def take(self, changes: Sequence[Change], revision: int) -> None:
        """Note changes up to a revision."""
        for change in changes:
            if change.value is None:
                self.keys.discard(change.key)
            else:
                self.keys.add(change.key)
        self.revision = max(self.revision, revision)


@dataclass(frozen=True, slots=True)
class Known:
    """Up to which revision a range is known, and how many keys it has there."""

    revision: int
    keys: int


class Parts:
    """All ranges of one view."""

    def __init__(self, count: int) -> None:
        self._parts = [_Part() for _ in range(count)]
        self._waiting: list[Change] = []

    def __len__(self) -> int:
        return len(self._parts)

    def __iter__(self) -> Iterator[Known]:
        return (Known(part.revision, len(part.keys)) for part in self._parts)

    @property
    def newest(self) -> int:
        """The last revision of which anything is known."""
        return max(part.revision for part in self._parts)

    @property
    def complete(self) -> int:
        """The revision up to which nothing is missing in any range."""
        return min(part.revision for part in self._parts)

    def read(self, part: int, changes: Sequence[Change], revision: int) -> None:
        """Note what one range holds at a revision, or a page of it."""
        self._parts[part].take(changes, revision)

    def take(self, news: News) -> None:
        """Take what has come of one range; it waits until all of it is `ready`."""
        self._parts[news.part].take(news.changes, news.revision)
        self._waiting += news.changes

    def has_no_more(self, part: int, revision: int) -> None:
        """Note that a range has nothing newer than what is known of it, up to a revision."""
        self._parts[part].take((), revision)

    def ready(self) -> Sequence[Change]:
        """The changes up to the revision that is complete, in order; each is given out once."""
        complete = self.complete
        ready = sorted((c for c in self._waiting if c.revision <= complete), key=attrgetter("revision"))
        self._waiting = [c for c in self._waiting if c.revision > complete]
        return ready
