"""What would happen if: the question as JSON, and the answer as a table. Pure (docs/API.md)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fleetctl.entities import Json, Machine, place
from fleetctl.errors import FleetctlError
from units.file import UnitFile


class BadMetadata(FleetctlError):
    """Metadata that are not KEY=VALUE."""


@dataclass(frozen=True, slots=True)
class Change:
    """A unit that would be elsewhere; an empty machine is none."""

    name: str
    source: str
    target: str
    reason: str

    @property
    def verb(self) -> str:
        """What would happen to it."""
        return "start" if not self.source else "move" if self.target else "stop"


@dataclass(frozen=True, slots=True)
class Forecast:
    """What would change, and which units would have no place, with the reasons."""

    changes: tuple[Change, ...]
    waiting: tuple[tuple[str, str], ...] = ()
    waiting_anyway: tuple[tuple[str, str], ...] = ()
    """Those that have no place as it is."""
    everywhere: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Global units that would be on other machines than now, and the IDs of those."""

    @classmethod
    def from_json(cls, said: Json) -> Forecast:
        """The record of an answer."""
        changes = (
            Change(c.get("name", ""), c.get("from", ""), c.get("to", ""), c.get("reason", ""))
            for c in said.get("changes") or ()
        )
        spread = ((g.get("name", ""), tuple(g.get("machines") or ())) for g in said.get("global") or ())
        waiting, anyway = _reasons(said.get("waiting")), _reasons(said.get("waitingAnyway"))
        return cls(tuple(changes), waiting, anyway, tuple(spread))


def _reasons(said: Any) -> tuple[tuple[str, str], ...]:
    return tuple((one.get("name", ""), one.get("reason", "")) for one in said or ())


def starting(name: str, content: UnitFile | None) -> Json:
    """The question for one unit: with its content, or as the cluster has it."""
    if content is None:
        return {"name": name}
    options = [{"section": o.section, "name": o.name, "value": o.value} for o in content.options]
    return {"name": name, "options": options}


def metadata(words: Iterable[str]) -> dict[str, str]:
    """`KEY=VALUE`, several with commas or as several words. Raises BadMetadata."""
    found: dict[str, str] = {}
    for pair in (part for word in words for part in word.split(",")):
        key, equals, value = pair.partition("=")
        if not (equals and key):
            raise BadMetadata(f'"{pair}" is no metadata (write KEY=VALUE)')
        found[key] = value
    return found


def change_rows(forecast: Forecast, machines: Sequence[Machine]) -> list[list[str]]:
    """The table of what would change."""
    if not forecast.changes:
        return []
    return [["UNIT", "WOULD", "FROM", "TO", "REASON"]] + [
        [
            c.name,
            c.verb,
            *(place(id, machines) if id else "-" for id in (c.source, c.target)),
            c.reason or "-",
        ]
        for c in forecast.changes
    ]


def remarks(forecast: Forecast, machines: Sequence[Machine]) -> list[str]:
    """What is no row of the table: global units, and units without a place."""
    lines = []
    for name, ids in forecast.everywhere:
        where = ", ".join(place(id, machines) for id in ids)
        lines.append(f"{name} would be on {where}" if ids else f"{name} would be on no machine")
    lines += [f"{name} would have no place: {reason}" for name, reason in forecast.waiting]
    lines += [f"{name} has no place as it is: {reason}" for name, reason in forecast.waiting_anyway]
    return lines


def sentence(forecast: Forecast) -> str:
    """The answer in numbers."""
    if not (forecast.changes or forecast.waiting or forecast.everywhere):
        return "Nothing would change."
    counts = [(verb, sum(c.verb == verb for c in forecast.changes)) for verb in ("start", "move", "stop")]
    parts = [f"{count} would {verb}" for verb, count in counts if count]
    if forecast.waiting:
        parts.append(f"{len(forecast.waiting)} would have no place")
    if forecast.everywhere:
        parts.append(f"{len(forecast.everywhere)} global would be on other machines")
    return f"{', '.join(parts)}."
