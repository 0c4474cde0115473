"""What restoring a backup changes in a cluster. Pure, apart from `carry_out`.

Rule 1: what is as the backup says is left alone: restoring twice changes nothing the second time.
Rule 2: what the backup does not have stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fleetctl.api import Api, Metadata
from fleetctl.backup import Backup, Kept
from fleetctl.entities import INACTIVE, Unit


@dataclass(frozen=True, slots=True)
class Create:
    """The cluster has no such unit."""

    unit: Kept


@dataclass(frozen=True, slots=True)
class Replace:
    """The unit of that name has another content."""

    unit: Kept
    before: str
    """The hash of it."""


@dataclass(frozen=True, slots=True)
class Want:
    """The unit is the same, but in another desired state."""

    unit: Kept
    before: str


@dataclass(frozen=True, slots=True)
class Describe:
    """A machine has other dynamic metadata."""

    machine: str
    values: Mapping[str, str]


Step = Create | Replace | Want | Describe


def steps(backup: Backup, units: Iterable[Unit], metadata: Metadata) -> tuple[Step, ...]:
    """What is to be done, in order: metadata first, so that units find the machines that they ask for."""
    there = {unit.name: unit for unit in units}
    described = (
        _describe(id, values, metadata.get(id, {})) for id, values in sorted(backup.metadata.items())
    )
    stepped = (_step(kept, there.get(name)) for name, kept in sorted(backup.units.items()))
    return tuple(step for step in (*described, *stepped) if step is not None)


def extra(backup: Backup, units: Iterable[Unit]) -> tuple[str, ...]:
    """The units that the cluster has and the backup has not."""
    return tuple(sorted(unit.name for unit in units if unit.name not in backup.units))


def _describe(machine: str, wanted: Mapping[str, str], there: Mapping[str, str]) -> Describe | None:
    values = {key: value for key, value in wanted.items() if there.get(key) != value}
    return Describe(machine, values) if values else None


def _step(kept: Kept, unit: Unit | None) -> Step | None:
    if unit is None:
        return Create(kept)
    if unit.file.hash != kept.hash:
        return Replace(kept, unit.file.hash)
    desired = unit.desired or INACTIVE
    return Want(kept, desired) if desired != kept.desired else None


def sentence(step: Step, *, done: bool) -> str:
    """What a step does, or has done."""
    match step:
        case Create(unit):
            return f"Unit {unit.name} {_word('created', done)}, {unit.desired}"
        case Replace(unit, before):
            hashes = f"{before[:7]} {_word('replaced', done)} by {unit.hash[:7]}"
            return f"Unit {unit.name} differs: {hashes}, {unit.desired}"
        case Want(unit, before):
            return f"Unit {unit.name} {_word('changed', done)} from {before} to {unit.desired}"
        case Describe(machine, values):
            said = ", ".join(f"{key}={value}" if value else f"{key} hidden" for key, value in values.items())
            return f"Machine {machine} {_word('described', done)}: {said}"


def _word(participle: str, done: bool) -> str:
    return participle if done else f"would be {participle}"


def carry_out(step: Step, api: Api) -> None:
    """Do it. Raises FleetctlError."""
    match step:
        case Create(unit) | Replace(unit):
            api.create(unit.name, unit.settings, unit.desired)
        case Want(unit):
            api.set_desired(unit.name, unit.desired)
        case Describe(machine, values):
            api.set_metadata(machine, values)
