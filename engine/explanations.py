"""What is kept with each unit about its placement: who was ruled out, who was asked, who said what, who won.

Rule 1: the first verdict on a unit that has to wait is told at once; later ones when they say something else,
        and not more often than every few seconds. A cluster at rest writes nothing.
Rule 2: times are told as durations: the hand that writes knows what time it is.
"""

from collections.abc import Callable, Iterator, Mapping, Set

from engine.decisions import Explained, Forgotten
from engine.memory import Memory, Said
from registry.records import Verdict

PAUSE = 5.0
"""Seconds between two verdicts on the same unit while it waits."""


class Explanations:
    """The explanations of one plan, begun with what the memory says has been told."""

    def __init__(self, memory: Memory, now: float) -> None:
        self._now = now
        self.said: Mapping[str, Said] = memory.said
        self._mine: dict[str, Said] | None = None
        self.ends: list[float] = []
        """When a verdict may be told that has to wait a little."""

    def waits(self, verdict: Verdict) -> Iterator[Explained]:
        """Tell why a unit waits, if that is news."""
        before = self.said.get(verdict.name)
        if before is not None and before.verdict == verdict:
            return
        if before is not None and self._now < before.at + PAUSE:
            self.ends.append(before.at + PAUSE)
            return
        since = self._now if before is None else before.since
        self._own()[verdict.name] = Said(verdict, since, self._now)
        yield Explained(verdict, self._now - since)

    def placed(self, verdict: Verdict) -> Explained:
        """Tell why a unit got its place, and how long it has waited if it has."""
        before = self.said.get(verdict.name)
        self._drop(verdict.name)
        return Explained(verdict, None if before is None else self._now - before.since)

    def forget(self, unwanted: Set[str], waits: Callable[[str], bool]) -> Iterator[Forgotten]:
        """Forget what was told about units that nobody wants to run, or that need not wait any more."""
        for name in sorted(unwanted | {name for name in self.said if not waits(name)}):
            self._drop(name)
            yield Forgotten(name)

    def _own(self) -> dict[str, Said]:
        if self._mine is None:
            self.said = self._mine = dict(self.said)
        return self._mine

    def _drop(self, name: str) -> None:
        if name in self.said:
            del self._own()[name]
