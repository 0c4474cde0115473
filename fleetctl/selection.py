"""Which units of the cluster arguments mean, in as few requests as it takes."""

from __future__ import annotations

from collections.abc import Sequence

from fleetctl.api import Api
from fleetctl.entities import Unit
from fleetctl.names import find_unit, is_pattern, picked, unit_name

FEW = 4
"""Up to so many units are asked for one by one."""


def meant(api: Api, arguments: Sequence[str]) -> tuple[list[Unit], list[str]]:
    """The units, in the order of the arguments, and the names and patterns of none.

    Raises Unreachable, ApiError.
    """
    if len(arguments) > FEW or any(map(is_pattern, arguments)):
        return picked(arguments, {unit.name: unit for unit in api.units()})
    found = [(argument, find_unit(api, argument)) for argument in arguments]
    return [unit for _, unit in found if unit], [unit_name(word) for word, unit in found if unit is None]


def instances_of(arguments: Sequence[str]) -> list[str]:
    """The arguments, with each template (`web@`, `web@.service`) as the pattern of its instances."""
    return [
        unit_name(argument).replace("@.", "@*.", 1) if _is_template(argument) else argument
        for argument in arguments
    ]


def several(arguments: Sequence[str]) -> bool:
    """Whether one of the arguments may mean several units."""
    return any(is_pattern(argument) or _is_template(argument) for argument in arguments)


def _is_template(argument: str) -> bool:
    return "@." in unit_name(argument)


def missing(names: Sequence[str]) -> str:
    """What is said of names and patterns that mean no unit."""
    return "\n".join(
        f"No unit matches {name}." if is_pattern(name) else f"Unit {name} does not exist." for name in names
    )
