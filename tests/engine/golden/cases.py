"""Golden cases read from their files, and played to rest."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.apply import sentence
from engine.rehearsal import to_rest
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
            "course": [
                [after(when - moment.now) + sentence(d) for d in made] for when, made in course.passes
            ],
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


def after(seconds: float) -> str:
    """When a decision is taken, where that is not at once."""
    return f"+{seconds:g} s: " if seconds else ""
