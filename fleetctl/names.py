"""From what the user typed to the name of a unit. Pure, apart from `find_unit`, which asks.

Rule 1: fleet 1.0's rule holds: the last part of the path, with `.service` behind it if it has no known type.
Rule 2: a name with another type of systemd (`web.target`) means that very unit if it or its template exists.
Rule 3: a pattern (`web@*`) means units that exist, with or without their type, but never templates.
"""

from __future__ import annotations

import posixpath
from collections.abc import Container, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from fleetctl.entities import Unit

KNOWN_SUFFIXES = (".service", ".socket", ".timer", ".path", ".device", ".mount", ".automount")
OTHER_SUFFIXES = (".target", ".slice", ".swap", ".scope", ".busname", ".snapshot")


class _Units(Protocol):
    def unit(self, name: str) -> Unit | None:
        """One unit, None if there is none of that name."""


def with_type(argument: str) -> str:
    """The argument, path and all, with the type that it lacks."""
    return argument if argument.endswith(KNOWN_SUFFIXES) else argument + ".service"


def unit_name(argument: str) -> str:
    """The unit that the argument names (fleet 1.0)."""
    return with_type(last_part(argument))


def last_part(path: str) -> str:
    """The last part of a path, without slashes; `.` of nothing, as Go has it."""
    if not path:
        return "."
    return posixpath.basename(path.rstrip("/")) or "/"


def literal_name(argument: str) -> str | None:
    """The argument's name as it stands, if it has a type that fleet 1.0 did not see as one."""
    name = last_part(argument)
    return name if name.endswith(OTHER_SUFFIXES) else None


def chosen_name(argument: str, existing: Container[str]) -> str:
    """The name that the argument means among units that exist."""
    literal = literal_name(argument)
    return literal if literal is not None and literal in existing else unit_name(argument)


def find_unit(units: _Units, argument: str) -> Unit | None:
    """The unit that the argument names, None if there is none. Raises what asking raises."""
    literal = literal_name(argument)
    found = units.unit(literal) if literal is not None else None
    return found or units.unit(unit_name(argument))


def is_pattern(argument: str) -> bool:
    """Whether the argument may mean several units."""
    return any(c in argument for c in "*?[")


def matches(pattern: str, name: str) -> bool:
    """Whether a pattern means the unit of that name; its type may be left out."""
    from units.glob import glob_match

    return glob_match(pattern, name) or glob_match(f"{pattern}.service", name)


def spread(arguments: Iterable[str], existing: Iterable[str]) -> tuple[list[str], list[str]]:
    """The arguments with each pattern as the names that it means, sorted; and the patterns of none."""
    names = sorted(name for name in existing if "@." not in name)
    found: list[str] = []
    idle: list[str] = []
    for argument in arguments:
        if not is_pattern(argument):
            found.append(argument)
            continue
        meant = [name for name in names if matches(argument, name)]
        found.extend(meant)
        if not meant:
            idle.append(argument)
    return found, idle


def picked(arguments: Iterable[str], units: Mapping[str, Unit]) -> tuple[list[Unit], list[str]]:
    """The units that the arguments mean, in their order, and the names and patterns that are of none."""
    words, idle = spread(arguments, units)
    names = [chosen_name(word, units) for word in words]
    return [units[name] for name in names if name in units], [n for n in names if n not in units] + idle
