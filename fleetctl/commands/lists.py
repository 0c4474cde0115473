"""What there is: list-units, list-unit-files, list-machines, cat."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TypeVar

import click

from fleetctl.columns import MACHINES, UNIT_FILES, UNITS, Shown, Table
from fleetctl.command import command, words
from fleetctl.errors import FleetctlError
from fleetctl.flags import Switch, Text, flag
from fleetctl.names import find_unit, unit_name
from fleetctl.output import Stop, complain, doing
from fleetctl.session import Session
from fleetctl.tables import aligned

Item = TypeVar("Item")

_FULL = flag(
    "--full", "--l", "-l", kind=Switch(), default=False, help="do not shorten machine IDs and hashes"
)
_NO_LEGEND = flag("--no-legend", kind=Switch(), default=False, help="print no header line")


def _fields(table: Table[Item]) -> click.Option:
    names = ",".join(sorted(table.fields))
    return flag("--fields", kind=Text(), default=table.default, help=f'columns to print, of "{names}"')


@command(
    "list-units [--no-legend] [-l|--full] [--fields]",
    "List the current state of the units in the cluster",
    _FULL, _NO_LEGEND, _fields(UNITS), words("ignored"),
    description="""\
Lists the state of every unit that a machine of the cluster has loaded. A global
unit has a line for each machine; a unit that is on no machine has none.

For the state that units are meant to be in: fleetctl list-unit-files""",
)  # fmt: skip
def list_units(session: Session, full: bool, no_legend: bool, fields: str, ignored: Sequence[str]) -> None:
    """Print one row for each unit on each machine."""
    columns = _columns(UNITS, fields)
    with doing("Error retrieving list of units from repository"):
        states = session.api.states()
    shown = _shown(UNITS, columns, session, full=full, wanted=bool(states))
    _print(UNITS, columns, states, shown, no_legend=no_legend)


@command(
    "list-unit-files [--fields]",
    "List the units that exist in the cluster",
    flag("--full", kind=Switch(), default=False, help="do not shorten machine IDs and hashes"),
    _NO_LEGEND, _fields(UNIT_FILES), words("ignored"),
    description="Lists every unit there is, with the state it is meant to be in and where it is.",
)  # fmt: skip
def list_unit_files(
    session: Session, full: bool, no_legend: bool, fields: str, ignored: Sequence[str]
) -> None:
    """Print one row for each unit."""
    columns = _columns(UNIT_FILES, fields)
    for _ in range(columns.count("tmachine")):
        complain('WARNING: The "tmachine" field is deprecated. Use "target" instead')
    with doing("Error retrieving list of units from repository"):
        units = session.api.units()
    wanted = any(unit.machine for unit in units)
    shown = _shown(UNIT_FILES, columns, session, full=full, wanted=wanted)
    _print(UNIT_FILES, columns, units, shown, no_legend=no_legend)


@command(
    "list-machines [-l|--full] [--no-legend]",
    "List the machines of the cluster",
    _FULL, _NO_LEGEND, _fields(MACHINES), words("ignored"),
    description="Lists the machines that are present, with their addresses and metadata.",
)  # fmt: skip
def list_machines(session: Session, full: bool, no_legend: bool, fields: str, ignored: Sequence[str]) -> None:
    """Print one row for each machine."""
    columns = _columns(MACHINES, fields)
    try:
        machines = session.api.machines()
    except FleetctlError as error:
        raise Stop(
            f"Error retrieving list of active machines from fleet API ({error})\n"
            "Possible issues:\n"
            "  etcd is unhealthy and/or lost quorum\n"
            "  connection cannot be established to any etcd servers"
        ) from error
    _print(MACHINES, columns, machines, Shown(full), no_legend=no_legend)


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


def _columns(table: Table[Item], fields: str) -> list[str]:
    if not fields:
        raise Stop("Must define output format")
    try:
        return table.chosen(fields)
    except ValueError as error:
        raise Stop(f'Invalid key in output format: "{error}"') from None


def _shown(
    table: Table[Item], columns: Sequence[str], session: Session, *, full: bool, wanted: bool
) -> Shown:
    """How to show the rows; the machines are asked for only if a column needs them."""
    if wanted and not table.needing_machines.isdisjoint(columns):
        return Shown(full, session.machines())
    return Shown(full)


def _print(
    table: Table[Item], columns: Sequence[str], items: Sequence[Item], shown: Shown, *, no_legend: bool
) -> None:
    header = [] if no_legend else [[name.upper() for name in columns]]
    for line in aligned([*header, *table.rows(items, columns, shown)]):
        sys.stdout.write(line + "\n")
    sys.stdout.flush()
