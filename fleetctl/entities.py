"""What the API tells about: units, their states on machines, and machines.

Rule 1: read once from JSON into records; a field that is left out is the empty string (API v1, section 4).
Rule 2: words of systemd and states of units stay as they came.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from units.file import UnitFile

Json = Mapping[str, Any]

INACTIVE, LOADED, LAUNCHED = "inactive", "loaded", "launched"
UNKNOWN = "unknown"
"""The word for units on machines that are gone."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One option of a unit file (it has the shape of `units.file.Option`, without its import)."""

    section: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit in the registry. `machine`: the one it is scheduled to, empty for none and for global units."""

    name: str
    settings: tuple[Setting, ...] = ()
    desired: str = ""
    current: str = ""
    machine: str = ""

    @classmethod
    def from_json(cls, said: Json) -> Unit:
        """The record of one API entity."""
        settings = tuple(
            Setting(_word(o, "section"), _word(o, "name"), _word(o, "value"))
            for o in _objects(said.get("options"))
        )
        states = _word(said, "desiredState"), _word(said, "currentState")
        return cls(_word(said, "name"), settings, *states, _word(said, "machineID"))

    @property
    def needs_place(self) -> bool:
        """Whether it is to be on a machine, and is on none."""
        return self.desired in (LOADED, LAUNCHED) and not self.machine and not self.is_global

    @property
    def is_global(self) -> bool:
        """Whether it runs on every machine that fits."""
        if not any(s.name == "Global" for s in self.settings):
            return False
        from units.requirements import Requirements

        return Requirements.of(self.name, self.file.options).is_global

    @property
    def file(self) -> UnitFile:
        """What it does, as canonical text with its hash."""
        from units.file import Option, UnitFile, content_hash, serialize

        options = tuple(Option(s.section, s.name, s.value) for s in self.settings)
        text = serialize(options)
        return UnitFile(options, text, content_hash(text))


@dataclass(frozen=True, slots=True)
class State:
    """What systemd says of one unit on one machine."""

    name: str
    machine: str = ""
    hash: str = ""
    load: str = ""
    active: str = ""
    sub: str = ""
    since: float | None = None
    """When it entered its active state. All times are seconds since the epoch, None where not known."""
    reason: str = ""
    """Why its host could not do what it was told of it, and how often in a row it has failed."""
    failures: int = 0
    last_seen: float | None = None
    """When its machine was last seen, if that is gone: the unit is `unknown` then."""

    @classmethod
    def from_json(cls, said: Json) -> State:
        """The record of one API entity."""
        return cls(
            _word(said, "name"),
            _word(said, "machineID"),
            _word(said, "hash"),
            _word(said, "systemdLoadState"),
            _word(said, "systemdActiveState"),
            _word(said, "systemdSubState"),
            since=_number(said, "since"),
            reason=_word(said, "reason"),
            failures=int(_number(said, "failures") or 0),
            last_seen=_number(said, "lastSeen"),
        )

    @property
    def is_known(self) -> bool:
        """Whether its machine is there to say anything."""
        return self.active != UNKNOWN

    @property
    def trouble(self) -> str:
        """What is wrong beside systemd's words; empty if nothing is."""
        if not self.is_known:
            seen = f", last seen {instant(self.last_seen)}" if self.last_seen is not None else ""
            return f"its machine is gone{seen}"
        times = f" (failed {self.failures} times)" if self.failures > 1 else ""
        return self.reason + times if self.reason else ""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine that is present."""

    id: str
    ip: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)

    @classmethod
    def from_json(cls, said: Json) -> Machine:
        """The record of one API entity."""
        return cls(_word(said, "id"), _word(said, "primaryIP"), _words(said.get("metadata")))


def legend(machine: str, *, full: bool = False) -> str:
    """The ID of a machine as tables show it."""
    return machine if full else machine[:8] + "..."


def address(machine: str, machines: Iterable[Machine]) -> str:
    """The address of a machine, empty if it is not known."""
    return next((m.ip for m in machines if m.id == machine), "")


def place(machine: str, machines: Iterable[Machine], *, full: bool = False) -> str:
    """Where a unit is: the machine, and its address if it is known."""
    ip = address(machine, machines)
    return legend(machine, full=full) + (f"/{ip}" if ip else "")


def _objects(said: Any) -> Iterable[Json]:
    return [one for one in said if isinstance(one, Mapping)] if isinstance(said, list) else ()


def _words(said: Any) -> Mapping[str, str]:
    return {key: str(value) for key, value in said.items()} if isinstance(said, Mapping) else {}


def instant(seconds: float) -> str:
    """A time as people and programs can read it, such as `2026-11-25T22:05:46Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _number(said: Json, key: str) -> float | None:
    value = said.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _word(said: Json, key: str) -> str:
    value = said.get(key)
    return value if isinstance(value, str) else ""
