"""What there is: list-units, list-unit-files, list-machines, cat."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

import click

from fleetctl.columns import MACHINES, UNIT_FILES, UNITS, Shown, Table
from fleetctl.command import command, words
from fleetctl.errors import FleetctlError
from fleetctl.filters import Wanted, machine_id, words_of
from fleetctl.flags import OneOf, Switch, Text, flag
from fleetctl.names import find_unit, unit_name
from fleetctl.output import Stop, complain, doing
from fleetctl.session import Session
from fleetctl.tables import aligned

Item = TypeVar("Item")

_FULL = flag(
    "--full", "--l", "-l", kind=Switch(), default=False, help="do not shorten machine IDs and hashes"
)
_NO_LEGEND = flag("--no-legend", kind=Switch(), default=False, help="print no header line")
_MACHINE = flag("--machine", kind=Text(), default="", help="only of the machine whose ID begins so")
_OUTPUT = flag(
    "--output", "-o", kind=OneOf("json", "yaml", "wide", "name"), default="",
    help="json, yaml, wide (more columns) or name; docs/fleetctl.md has the keys",
)  # fmt: skip
_FILTERS = """\
Arguments choose units, by name or by pattern (quoted: 'web@*')."""


def _fields(table: Table[Item]) -> click.Option:
    names = ",".join(sorted(table.fields))
    return flag("--fields", kind=Text(), default=table.default, help=f'columns to print, of "{names}"')


def _state_flag(of: str) -> click.Option:
    return flag("--state", kind=Text(), default="", help=f"only in one of these states, with commas: {of}")


@command(
    "list-units [--no-legend] [-l|--full] [--fields] [-o FORMAT] [UNIT...]",
    "List the current state of the units in the cluster",
    _FULL, _NO_LEGEND, _fields(UNITS), _OUTPUT, _MACHINE,
    _state_flag("of load, active and sub"), words("units"),
    description=f"""\
Lists the state of every unit that a machine of the cluster has loaded. A global
unit has a line for each machine; a unit that is on no machine has none.
{_FILTERS}

For the state that units are meant to be in: fleetctl list-unit-files""",
    example="fleetctl list-units 'web@*' --machine 2444 --state failed",
)  # fmt: skip
def list_units(
    session: Session, full: bool, no_legend: bool, fields: str, output: str,
    machine: str, state: str, units: Sequence[str],
) -> None:  # fmt: skip
    """Print one row for each unit on each machine."""
    listing = _Listing(UNITS, fields, output, full=full, no_legend=no_legend)
    with doing("Error retrieving list of units from repository"):
        states = session.api.states()
        wanted = _wanted(session, units, machine, state)
    listing.print(session, states, wanted, any(state.machine for state in states))


@command(
    "list-unit-files [--fields] [-o FORMAT] [UNIT...]",
    "List the units that exist in the cluster",
    flag("--full", kind=Switch(), default=False, help="do not shorten machine IDs and hashes"),
    _NO_LEGEND, _fields(UNIT_FILES), _OUTPUT, _MACHINE, _state_flag("desired or current"), words("units"),
    description=f"""\
Lists every unit there is, with the state it is meant to be in and where it is.
{_FILTERS}""",
    example="fleetctl list-unit-files --fields=unit,dstate,target --state launched",
)  # fmt: skip
def list_unit_files(
    session: Session, full: bool, no_legend: bool, fields: str, output: str,
    machine: str, state: str, units: Sequence[str],
) -> None:  # fmt: skip
    """Print one row for each unit."""
    listing = _Listing(UNIT_FILES, fields, output, full=full, no_legend=no_legend)
    for _ in range(listing.columns.count("tmachine")):
        complain('WARNING: The "tmachine" field is deprecated. Use "target" instead')
    with doing("Error retrieving list of units from repository"):
        found = session.api.units()
        wanted = _wanted(session, units, machine, state)
    listing.print(session, found, wanted, any(unit.machine for unit in found))


@command(
    "list-machines [-l|--full] [--no-legend] [-o FORMAT] [MACHINE...]",
    "List the machines of the cluster",
    _FULL, _NO_LEGEND, _fields(MACHINES), _OUTPUT, words("machines"),
    description="""\
Lists the machines that are present, with their addresses and metadata, or those
whose IDs begin with an argument.""",
    example="fleetctl list-machines --full -o json",
)  # fmt: skip
def list_machines(
    session: Session, full: bool, no_legend: bool, fields: str, output: str, machines: Sequence[str]
) -> None:
    """Print one row for each machine."""
    listing = _Listing(MACHINES, fields, output, full=full, no_legend=no_legend)
    try:
        found = session.api.machines()
    except FleetctlError as error:
        raise Stop(
            f"Error retrieving list of active machines from fleet API ({error})\n"
            "Possible issues:\n"
            "  etcd is unhealthy and/or lost quorum\n"
            "  connection cannot be established to any etcd servers"
        ) from error
    listing.print(session, found, Wanted(tuple(machines)), False)


@command(
    "cat UNIT",
    "Print the unit file of a unit",
    words("units"),
    description="Prints the unit file as it is in the cluster: comments and formatting are not kept there.",
)
def cat(session: Session, units: Sequence[str]) -> None:
    """Print the canonical text of one unit."""
    if len(units) != 1:
        raise Stop("One unit file must be provided")
    name = unit_name(units[0])
    with doing(f"Error retrieving Unit {name}"):
        unit = find_unit(session.api, units[0])
    if unit is None:
        raise Stop(f"Unit {name} not found")
    sys.stdout.write(unit.file.text)
    sys.stdout.flush()


class _Listing(Generic[Item]):
    """One list as it was asked for; checked before the API is contacted. Raises Stop."""

    def __init__(self, table: Table[Item], fields: str, output: str, *, full: bool, no_legend: bool) -> None:
        if output == "wide" and fields == table.default:
            fields = table.wide
        self.columns = _columns(table, fields)
        self._table = table
        self._output = output
        self._full = full or output == "wide"
        self._no_legend = no_legend

    def print(self, session: Session, items: Sequence[Item], wanted: Wanted, placed: bool) -> None:
        """Print those that are wanted; `placed`: some are on machines, whose addresses may be shown."""
        items = [item for item in items if self._table.fits(item, wanted)]
        shown = Shown(self._full, session.machines() if placed and self._shows_machines() else ())
        sys.stdout.write("".join(f"{line}\n" for line in self._lines(items, shown)))
        sys.stdout.flush()

    def _shows_machines(self) -> bool:
        if self._output in ("json", "yaml"):
            return True
        return self._output != "name" and not self._table.needing_machines.isdisjoint(self.columns)

    def _lines(self, items: Sequence[Item], shown: Shown) -> Iterable[str]:
        if self._output == "name":
            return dict.fromkeys(self._table.name(item) for item in items)
        if self._output in ("json", "yaml"):
            from fleetctl.formats import rendered

            return [rendered(self._output, [self._table.record(item, shown) for item in items])]
        header = [] if self._no_legend else [[name.upper() for name in self.columns]]
        return aligned([*header, *self._table.rows(items, self.columns, shown)])


def _columns(table: Table[Item], fields: str) -> list[str]:
    if not fields:
        raise Stop("Must define output format")
    try:
        return table.chosen(fields)
    except ValueError as error:
        raise Stop(f'Invalid key in output format: "{error}"') from None


def _wanted(session: Session, names: Sequence[str], machine: str, states: str) -> Wanted:
    """What the arguments and flags choose. Raises NoMachine, Unreachable, ApiError."""
    id = machine_id(machine, [m.id for m in session.api.machines()]) if machine else ""
    return Wanted(tuple(names), id, words_of(states))
