"""What is known of units for which there is no machine, so that it is not found out again for nothing.

Rule 1: a verdict counts for as long as nothing that it was made from has changed, and not a moment longer.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass

from engine.memory import Refusal
from registry.records import Report, Verdict, no_entries

NO_REFUSALS: Mapping[str, Refusal] = no_entries()


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a verdict was made from, besides the residents of all machines."""

    version: int
    """Of the residence."""
    silent: frozenset[str]
    refusals: Mapping[str, Refusal]
    reports: Mapping[str, Report] | None


@dataclass(frozen=True, slots=True)
class Found:
    """A verdict, and when it must be made anew at the latest, in seconds of the loop's clock."""

    verdict: Verdict
    grounds: Grounds
    until: float


class Stuck:
    """The verdicts on units that have no machine, by name."""

    def __init__(self) -> None:
        self._found: dict[str, Found] = {}

    def verdict(self, name: str, grounds: Grounds, now: float) -> Verdict | None:
        """What was found on the same grounds, or None."""
        found = self._found.get(name)
        if found is None or now >= found.until:
            return None
        return found.verdict if _same(found.grounds, grounds) else None

    def note(self, verdict: Verdict, grounds: Grounds, until: float) -> None:
        """Keep what was found. Only a draft that shows nothing but residents is a ground to stand on."""
        self._found[verdict.name] = Found(verdict, grounds, until)

    def keep_only(self, names: Container[str], so_many: int) -> None:
        """Forget all others, when there are far more than these."""
        if len(self._found) > 2 * so_many + 100:
            self._found = {name: found for name, found in self._found.items() if name in names}


def _same(one: Grounds, other: Grounds) -> bool:
    return (
        one.version == other.version
        and one.reports is other.reports
        and one.refusals is other.refusals
        and one.silent == other.silent
    )
