"""What the columns of each table show. Pure.

Rule 1: rows come in the order of the API; nothing is sorted here.
Rule 2: `-` stands for what is not there, except for systemd's words, which are shown as they came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fleetctl.entities import Machine, State, Unit, address, instant, legend, place

Item = TypeVar("Item")

SHORT_HASH = 7


@dataclass(frozen=True, slots=True)
class Shown:
    """How to show things: IDs and hashes in full or shortened, and the machines that are known."""

    full: bool = False
    machines: tuple[Machine, ...] = ()

    def machine(self, id: str) -> str:
        """A machine beside a unit."""
        return place(id, self.machines, full=self.full) if id else "-"

    def hash(self, hash: str) -> str:
        """A hash."""
        return (hash if self.full else hash[:SHORT_HASH]) or "-"


Field = Callable[[Item, Shown], str]
Record = Mapping[str, Any]
"""What `-o json` and `-o yaml` show of one thing: always all keys, "" for what is not known."""


@dataclass(frozen=True, slots=True)
class Table(Generic[Item]):
    """The fields that things of one kind have, and those shown if none are asked for."""

    fields: Mapping[str, Field[Item]]
    default: str
    wide: str
    name: Callable[[Item], str]
    record: Callable[[Item, Shown], Record]
    needing_machines: frozenset[str] = frozenset()
    machine: Callable[[Item], str] = lambda item: ""
    """The ID of the machine that one is on."""
    beyond: frozenset[str] = frozenset()
    """Fields that fleet 1.0 did not have."""

    def chosen(self, fields: str) -> list[str]:
        """The columns asked for; ValueError with the field that does not exist."""
        names = fields.split(",")
        for name in names:
            if name not in self.fields:
                raise ValueError(name)
        return names

    def rows(self, items: Sequence[Item], names: Sequence[str], shown: Shown) -> list[list[str]]:
        """One row for each thing."""
        return [[self.fields[name](item, shown) for name in names] for item in items]


def _target(unit: Unit, shown: Shown) -> str:
    return "global" if unit.is_global else shown.machine(unit.machine)


def _state(unit: Unit, shown: Shown) -> str:
    return "-" if unit.is_global else unit.current or "-"


def _metadata(machine: Machine, shown: Shown) -> str:
    return ",".join(f"{key}={machine.metadata[key]}" for key in sorted(machine.metadata)) or "-"


def _state_record(state: State, shown: Shown) -> Record:
    return {
        "unit": state.name,
        "machine": state.machine,
        "ip": address(state.machine, shown.machines),
        "load": state.load,
        "active": state.active,
        "sub": state.sub,
        "hash": state.hash,
        "since": state.since,
        "reason": state.reason,
        "failures": state.failures,
        "lastSeen": state.last_seen,
    }


def _unit_record(unit: Unit, shown: Shown) -> Record:
    return {
        "unit": unit.name,
        "hash": unit.file.hash,
        "desired": unit.desired,
        "current": "" if unit.is_global else unit.current,
        "global": unit.is_global,
        "machine": unit.machine,
        "ip": address(unit.machine, shown.machines),
        "description": unit.file.description,
    }


@dataclass(frozen=True, slots=True)
class Status:
    """A unit, and what systemd says of it on all machines."""

    unit: Unit
    states: tuple[State, ...]

    @property
    def is_well(self) -> bool:
        """Whether it is active somewhere."""
        return any(state.active == "active" for state in self.states)


def _status_record(status: Status, shown: Shown) -> Record:
    return {
        **_unit_record(status.unit, shown),
        "states": [_state_record(state, shown) for state in status.states],
    }


def _said(status: Status, word: Callable[[State], str]) -> str:
    """What systemd says of it, of a global unit all that it says on any machine."""
    return ",".join(sorted({word(state) for state in status.states})) or "-"


def _machine_record(machine: Machine, shown: Shown) -> Record:
    return {"machine": machine.id, "ip": machine.ip, "metadata": dict(sorted(machine.metadata.items()))}


UNITS: Table[State] = Table(
    {
        "unit": lambda state, shown: state.name,
        "load": lambda state, shown: state.load,
        "active": lambda state, shown: state.active,
        "sub": lambda state, shown: state.sub,
        "machine": lambda state, shown: shown.machine(state.machine),
        "hash": lambda state, shown: shown.hash(state.hash),
        "since": lambda state, shown: "-" if state.since is None else instant(state.since),
        "reason": lambda state, shown: state.trouble or "-",
    },
    default="unit,machine,active,sub",
    wide="unit,machine,load,active,sub,hash,since,reason",
    name=lambda state: state.name,
    record=_state_record,
    needing_machines=frozenset({"machine"}),
    machine=lambda state: state.machine,
    beyond=frozenset({"since", "reason"}),
)
STATUSES: Table[Status] = Table(
    {
        "unit": lambda status, shown: status.unit.name,
        "dstate": lambda status, shown: status.unit.desired or "-",
        "target": lambda status, shown: _target(status.unit, shown),
        "load": lambda status, shown: _said(status, lambda state: state.load),
        "active": lambda status, shown: _said(status, lambda state: state.active),
        "sub": lambda status, shown: _said(status, lambda state: state.sub),
    },
    default="unit,dstate,target,load,active,sub",
    wide="unit,dstate,target,load,active,sub",
    name=lambda status: status.unit.name,
    record=_status_record,
    needing_machines=frozenset({"target"}),
    machine=lambda status: status.unit.machine or next((s.machine for s in status.states), ""),
)
UNIT_FILES: Table[Unit] = Table(
    {
        "unit": lambda unit, shown: unit.name,
        "hash": lambda unit, shown: shown.hash(unit.file.hash),
        "dstate": lambda unit, shown: unit.desired or "-",
        "state": _state,
        "target": _target,
        "tmachine": _target,
        "global": lambda unit, shown: "true" if unit.is_global else "false",
        "desc": lambda unit, shown: unit.file.description or "-",
    },
    default="unit,hash,dstate,state,target",
    wide="unit,hash,dstate,state,target,global,desc",
    name=lambda unit: unit.name,
    record=_unit_record,
    needing_machines=frozenset({"target", "tmachine"}),
    machine=lambda unit: unit.machine,
)
MACHINES: Table[Machine] = Table(
    {
        "machine": lambda machine, shown: legend(machine.id, full=shown.full),
        "ip": lambda machine, shown: machine.ip or "-",
        "metadata": _metadata,
    },
    default="machine,ip,metadata",
    wide="machine,ip,metadata",
    name=lambda machine: machine.id,
    record=_machine_record,
)
