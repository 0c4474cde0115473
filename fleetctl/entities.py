"""What the API tells about: units, their states on machines, and machines.

Rule 1: read once from JSON into records; a field that is left out is the empty string (API v1, section 4).
Rule 2: words of systemd and states of units stay as they came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from units.file import UnitFile

Json = Mapping[str, Any]

INACTIVE, LOADED, LAUNCHED = "inactive", "loaded", "launched"


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

    @classmethod
    def from_json(cls, said: Json) -> State:
        """The record of one API entity."""
        keys = ("name", "machineID", "hash", "systemdLoadState", "systemdActiveState", "systemdSubState")
        return cls(*(_word(said, key) for key in keys))


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


def _word(said: Json, key: str) -> str:
    value = said.get(key)
    return value if isinstance(value, str) else ""
