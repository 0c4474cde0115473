"""What is kept with each unit about its placement: who was ruled out, who was asked, who said what, who won.

Rule 1: the first verdict on a unit that has to wait is told at once; later ones when they say something else,
        and at most every second. A cluster at rest writes nothing.
Rule 2: times are told as durations: the hand that writes knows what time it is.
"""

from collections.abc import Callable, Iterator, Mapping, Set

from engine.decisions import Explained, Forgotten
from engine.memory import Memory, Said
from registry.records import Verdict

PAUSE = 1.0
"""Seconds for which the last verdict on a unit that waits is good enough, if it still waits."""


class Explanations:
    """The explanations of one plan, begun with what the memory says has been told."""

    def __init__(self, memory: Memory, now: float) -> None:
        self._now = now
        self.said: Mapping[str, Said] = memory.said
        self._mine: dict[str, Said] | None = None
        self.ends: list[float] = []
        """When a verdict may be told that has to wait a little."""

    def recent(self, name: str) -> Verdict | None:
        """What was found out about a unit so lately that it need not be found out again."""
        before = self.said.get(name)
        if before is None or self._now >= before.at + PAUSE:
            return None
        self.ends.append(before.at + PAUSE)
        return before.verdict

    def waits(self, verdict: Verdict) -> Iterator[Explained]:
        """Tell why a unit waits, if that is news."""
        before = self.said.get(verdict.name)
        if before is None:
            self._own()[verdict.name] = Said(verdict, self._now, self._now)
            yield Explained(verdict, 0.0)
        elif self._now >= before.at + PAUSE:
            self._own()[verdict.name] = Said(verdict, before.since, self._now)
            if verdict != before.verdict:
                yield Explained(verdict, self._now - before.since)
        elif verdict != before.verdict:
            self.ends.append(before.at + PAUSE)

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
