"""The rules of placement: why a machine cannot run a unit beside those already there.

Rule 1: each rule says its objection in the words of fleet 1.0, or nothing.
Rule 2: the first objection in the order of RULES is the one that is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from units.glob import glob_match
from units.machine import Machine
from units.quoting import quoted
from units.requirements import Requirements
from units.residents import ResidentSet

__all__ = [
    "GLOBAL_RULES",
    "OPTIONS",
    "RULES",
    "ResidentSet",
    "Residents",
    "Rule",
    "conflict_between",
    "first_objection",
    "global_objection",
    "objection",
]


class Residents(Protocol):
    """What is on one machine, as far as a rule looks at it."""

    def __contains__(self, name: object) -> bool:
        """Whether this unit is there."""
        ...

    def conflicting(self, name: str, requirements: Requirements) -> str | None:
        """One unit there that conflicts with this one, in either direction, never itself."""
        ...


Rule = Callable[[str, Requirements, Machine, Residents], str | None]


def objection(name: str, wants: Requirements, machine: Machine, residents: Residents) -> str | None:
    """Why this machine cannot run this unit beside these, or None when it can."""
    for rule in RULES:
        if said := rule(name, wants, machine, residents):
            return said
    return None


def first_objection(
    name: str, wants: Requirements, machine: Machine, residents: Residents
) -> tuple[str, str] | None:
    """The same with the option that the objection comes from, before it."""
    for rule, option in OPTIONS.items():
        if said := rule(name, wants, machine, residents):
            return option, said
    return None


def global_objection(name: str, wants: Requirements, machine: Machine, residents: Residents) -> str | None:
    """The same for a global unit, of which only metadata and conflicts count."""
    for rule in GLOBAL_RULES:
        if said := rule(name, wants, machine, residents):
            return said
    return None


def conflict_between(a: str, wants_a: Requirements, b: str, wants_b: Requirements) -> bool:
    """Whether a pattern of either matches the other. A unit never conflicts with itself."""
    return a != b and (
        any(glob_match(pattern, b) for pattern in wants_a.conflicts)
        or any(glob_match(pattern, a) for pattern in wants_b.conflicts)
    )


def is_another_machine(name: str, wants: Requirements, machine: Machine, residents: Residents) -> str | None:
    """`MachineID`: the full ID or its first 8 characters, and no other part of it."""
    if wants.machine_id is None or machine.is_called(wants.machine_id):
        return None
    return f"agent ID {quoted(machine.id)} does not match required {quoted(wants.machine_id)}"


def lacks_metadata(name: str, wants: Requirements, machine: Machine, residents: Residents) -> str | None:
    """`MachineMetadata`: all the keys, each with one of its values."""
    if not wants.metadata or wants.metadata_met_by(machine.metadata):
        return None
    return "local Machine metadata insufficient"


def lacks_peer(name: str, wants: Requirements, machine: Machine, residents: Residents) -> str | None:
    """`MachineOf`: every unit named must be there."""
    for peer in wants.machine_of:
        if peer not in residents:
            return f"required peer Unit({peer}) is not scheduled locally"
    return None


def holds_conflict(name: str, wants: Requirements, machine: Machine, residents: Residents) -> str | None:
    """`Conflicts`: the one named is always the other unit (fleet 1.0 named either)."""
    other = residents.conflicting(name, wants)
    return None if other is None else f"found conflict with locally-scheduled Unit([{other}])"


def would_ignore_drop_ins(
    name: str, wants: Requirements, machine: Machine, residents: Residents
) -> str | None:
    """Drop-ins: a daemon of fleet 1.0 takes them for sections of no meaning, and runs the unit without."""
    if not wants.has_drop_ins or machine.bids:
        return None
    return f"its fleet {machine.version or '1.0'} would run the unit without its drop-ins"


OPTIONS: Mapping[Rule, str] = {
    is_another_machine: "MachineID",
    lacks_metadata: "MachineMetadata",
    lacks_peer: "MachineOf",
    holds_conflict: "Conflicts",
    would_ignore_drop_ins: "X-DropIn",
}
"""Each rule with the option that asks for it, in the order in which they count."""

RULES: tuple[Rule, ...] = tuple(OPTIONS)
GLOBAL_RULES: tuple[Rule, ...] = (lacks_metadata, holds_conflict)
