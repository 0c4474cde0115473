"""Which machine `fleetctl ssh` goes to. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from fleetctl.entities import Machine, Unit
from fleetctl.errors import FleetctlError


class NoTarget(FleetctlError):
    """Nothing, or more than one thing, is meant; in fleet 1.0's words."""


def machine_called(prefix: str, machines: Sequence[Machine]) -> Machine:
    """The one machine whose ID begins so. Raises NoTarget."""
    found = [machine for machine in machines if machine.id.startswith(prefix)]
    if len(found) > 1:
        raise NoTarget("found more than one machine")
    if not found:
        raise NoTarget("machine does not exist")
    return found[0]


def machine_of(unit: Unit | None) -> str:
    """The ID of the machine that a unit is scheduled to, empty if to none. Raises NoTarget."""
    if unit is None:
        raise NoTarget("unit does not exist")
    if unit.is_global:
        raise NoTarget("global units unsupported")
    return unit.machine


def either(word: str, machines: Sequence[Machine], unit: Unit | None) -> str:
    """The ID of the machine that a word means, as a machine's ID or a unit's name. Raises NoTarget."""
    found: list[str] = []
    faults: list[str] = []
    try:
        found.append(machine_called(word, machines).id)
    except NoTarget as error:
        faults.append(str(error))
    try:
        found.append(machine_of(unit))
    except NoTarget as error:
        faults.append(str(error))
    if len(found) > 1:
        raise NoTarget(
            f"ambiguous argument, both machine and unit found for `{word}`.\n"
            "Please use flag `--machine` or `--unit` to refine the search"
        )
    if not found:
        raise NoTarget("could not find matching unit or machine", ", ".join(faults))
    return found[0]


def remote_words(words: Sequence[str]) -> list[str]:
    """The words of the remote command: what follows a `--` that is left among them, or all (fleet 1.0)."""
    return list(words[words.index("--") + 1 :]) if "--" in words else list(words)
