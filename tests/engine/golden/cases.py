"""Golden cases read from their files, and played to rest."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.decisions import Decision
from engine.rehearsal import to_rest
from engine.replay import decided
from engine.saved import Moment, from_json
from registry.records import Bid

HERE = Path(__file__).parent
FIELDS = {
    "machines",
    "without_bids",
    "units",
    "unreadable",
    "schedule",
    "reports",
    "offers",
    "bids",
    "memory",
    "now",
    "grace",
}


def paths() -> list[Path]:
    """The files of all cases, in order."""
    return sorted(HERE.rglob("*.json"))


@dataclass(frozen=True, slots=True)
class Case:
    """One rule: a moment, how the agents answer, and for how many seconds to look on."""

    title: str
    moment: Moment
    agents: Mapping[str, float | str | None]
    until: float
    expected: Any

    @classmethod
    def read(cls, path: Path) -> "Case":
        """A case from its file. Raises ValueError for what no case has."""
        saved = json.loads(path.read_text())
        told = {key: saved.pop(key) for key in list(saved) if key in FIELDS}
        return cls(
            title=saved.pop("title"),
            moment=from_json(told),
            agents=saved.pop("agents", {}),
            until=saved.pop("until", 0.0),
            expected=saved.pop("expected", None),
            **saved,
        )

    def outcome(self) -> dict[str, Any]:
        """What comes of it, as `expected` holds it."""
        moment = self.moment
        course = to_rest(
            moment.cluster,
            moment.memory,
            answer=self._answer,
            now=moment.now,
            grace=moment.grace,
            until=self.until,
        )
        return {
            "course": [lines for when, made in course.passes if (lines := told(when - moment.now, made))],
            "places": {name: " ".join(sorted(by)) for name, by in sorted(course.end.schedule.items())},
            "waiting": dict(sorted(course.last.waiting.items())),
        }

    def _answer(self, machine: str, name: str) -> Bid | None:
        said = self.agents.get(machine, 0.0)
        if said is None:
            return None
        if isinstance(said, str):
            return Bid(machine, name, "", refusal=said)
        return Bid(machine, name, "", price=said)


def told(after: float, decisions: Iterable[Decision]) -> list[str]:
    """The sentences of one plan; with its time, if that is not at once."""
    return [f"+{after:g} s: {one}" if after else one for one in decided(decisions)]
