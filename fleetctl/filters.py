"""Which rows of a list are wanted: by name, by machine, by state. Pure.

Rule 1: an argument is a name or a pattern; a state is any of the words that the list shows of a thing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fleetctl.entities import Machine, State, Unit
from fleetctl.errors import FleetctlError
from fleetctl.names import is_pattern, literal_name, matches, unit_name


class NoMachine(FleetctlError):
    """No machine, or more than one, has an ID that begins so."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for. Empty means all; `machine` is a whole ID."""

    names: tuple[str, ...] = ()
    machine: str = ""
    states: frozenset[str] = frozenset()


_STRAY = frozenset({"true", "false"})


def chosen(arguments: Sequence[str]) -> tuple[str, ...]:
    """The arguments that choose: `--full true` means the switch (fleet 1.0 let the word pass)."""
    return tuple(argument for argument in arguments if argument not in _STRAY)


def words_of(text: str) -> frozenset[str]:
    """The words of a list with commas."""
    return frozenset(filter(None, text.split(",")))


def named(name: str, arguments: Sequence[str]) -> bool:
    """Whether one of the arguments, or their absence, means the unit of that name."""
    return not arguments or any(_means(argument, name) for argument in arguments)


def _means(argument: str, name: str) -> bool:
    if is_pattern(argument):
        return matches(argument, name)
    return name in (unit_name(argument), literal_name(argument))


def state_fits(state: State, wanted: Wanted) -> bool:
    """Whether a row of list-units is wanted."""
    return (
        named(state.name, wanted.names)
        and wanted.machine in ("", state.machine)
        and (not wanted.states or not wanted.states.isdisjoint((state.load, state.active, state.sub)))
    )


def unit_fits(unit: Unit, wanted: Wanted) -> bool:
    """Whether a row of list-unit-files is wanted."""
    return (
        named(unit.name, wanted.names)
        and wanted.machine in ("", unit.machine)
        and (not wanted.states or not wanted.states.isdisjoint((unit.desired, unit.current)))
    )


def machine_fits(machine: Machine, prefixes: Sequence[str]) -> bool:
    """Whether a row of list-machines is wanted."""
    return not prefixes or machine.id.startswith(tuple(prefixes))


def machine_id(prefix: str, known: Sequence[str]) -> str:
    """The one ID that begins so; an ID in full is taken as it is. Raises NoMachine."""
    found = sorted({id for id in known if id.startswith(prefix)})
    if len(found) == 1 or prefix in found or len(prefix) == 32:
        return prefix if prefix in found or not found else found[0]
    if found:
        raise NoMachine(f'machine "{prefix}" is not unique: {", ".join(id[:12] + "..." for id in found[:4])}')
    raise NoMachine(f'no machine has an ID that begins with "{prefix}" (fleetctl list-machines shows all)')
