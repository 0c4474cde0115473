"""What there is: list-units, list-unit-files, list-machines, cat."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, TypeVar

import click

from fleetctl.columns import MACHINES, UNIT_FILES, UNITS, Table
from fleetctl.command import command, words
from fleetctl.entities import Machine, State, Unit
from fleetctl.errors import FleetctlError
from fleetctl.filters import Wanted, chosen, machine_fits, machine_id, state_fits, unit_fits, words_of
from fleetctl.flags import OneOf, Switch, Text, flag
from fleetctl.listing import How, Listing
from fleetctl.names import find_unit, unit_name
from fleetctl.output import Stop, complain, doing
from fleetctl.session import Session

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
_WATCH = flag("--watch", "-w", kind=Switch(), default=False, help="show the list again whenever it changes")
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
    _FULL, _NO_LEGEND, _fields(UNITS), _OUTPUT, _WATCH, _MACHINE,
    _state_flag("of load, active and sub"), words("units"),
    description=f"""\
Lists the state of every unit that a machine of the cluster has loaded. A global
unit has a line for each machine; a unit that is on no machine has none.
{_FILTERS}

For the state that units are meant to be in: fleetctl list-unit-files""",
    example="fleetctl list-units 'web@*' --machine 2444 --state failed",
)  # fmt: skip
def list_units(session: Session, machine: str, state: str, units: Sequence[str], **how: Any) -> None:
    """Print one row for each unit on each machine."""
    listing = Listing(UNITS, How(**how))
    new_columns = not UNITS.beyond.isdisjoint(listing.columns)
    beyond = new_columns or how["watch"] or how["output"] in ("json", "yaml")

    def look() -> Sequence[State]:
        with doing("Error retrieving list of units from repository"):
            states = session.api.states(full=beyond)
            wanted = _wanted(session, units, machine, state)
        return [one for one in states if state_fits(one, wanted)]

    listing.show(session, look)
    if sys.stdout.isatty() and not how["output"] and not state:
        _tell_waiting(session, Wanted(chosen(units)))


@command(
    "list-unit-files [--fields] [-o FORMAT] [UNIT...]",
    "List the units that exist in the cluster",
    flag("--full", kind=Switch(), default=False, help="do not shorten machine IDs and hashes"),
    _NO_LEGEND, _fields(UNIT_FILES), _OUTPUT, _WATCH, _MACHINE,
    _state_flag("desired or current"), words("units"),
    description=f"""\
Lists every unit there is, with the state it is meant to be in and where it is.
{_FILTERS}""",
    example="fleetctl list-unit-files --fields=unit,dstate,target --state launched",
)  # fmt: skip
def list_unit_files(session: Session, machine: str, state: str, units: Sequence[str], **how: Any) -> None:
    """Print one row for each unit."""
    listing = Listing(UNIT_FILES, How(**how))
    for _ in range(listing.columns.count("tmachine")):
        complain('WARNING: The "tmachine" field is deprecated. Use "target" instead')

    def look() -> Sequence[Unit]:
        with doing("Error retrieving list of units from repository"):
            found = session.api.units()
            wanted = _wanted(session, units, machine, state)
        return [one for one in found if unit_fits(one, wanted)]

    listing.show(session, look)


@command(
    "list-machines [-l|--full] [--no-legend] [-o FORMAT] [MACHINE...]",
    "List the machines of the cluster",
    _FULL, _NO_LEGEND, _fields(MACHINES), _OUTPUT, _WATCH, words("machines"),
    description="""\
Lists the machines that are present, with their addresses and metadata, or those
whose IDs begin with an argument.""",
    example="fleetctl list-machines --full -o json",
)  # fmt: skip
def list_machines(session: Session, machines: Sequence[str], **how: Any) -> None:
    """Print one row for each machine."""
    listing = Listing(MACHINES, How(**how))

    def look() -> Sequence[Machine]:
        try:
            return [one for one in session.api.machines() if machine_fits(one, chosen(machines))]
        except FleetctlError as error:
            raise Stop(
                f"Error retrieving list of active machines from fleet API ({error})\n"
                "Possible issues:\n"
                "  etcd is unhealthy and/or lost quorum\n"
                "  connection cannot be established to any etcd servers"
            ) from error

    listing.show(session, look)


@command(
    "cat UNIT",
    "Print the unit file of a unit",
    words("units"),
    description="Prints the unit file as it is in the cluster: comments and formatting are not kept there.",
    example="fleetctl cat web@1.service",
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


def _wanted(session: Session, names: Sequence[str], machine: str, states: str) -> Wanted:
    """What the arguments and flags choose. Raises NoMachine, Unreachable, ApiError."""
    id = machine_id(machine, [m.id for m in session.api.machines()]) if machine else ""
    return Wanted(chosen(names), id, words_of(states))


WAITING_TOLD = 5
"""Of so many units that wait for a place the reasons are told."""


def _tell_waiting(session: Session, wanted: Wanted) -> None:
    """Units without a place have no row: people at a terminal are told of them, and why."""
    try:
        units = [unit for unit in session.api.units() if unit.needs_place and unit_fits(unit, wanted)]
        for unit in units[:WAITING_TOLD]:
            said = session.api.why(unit.name) or {}
            complain(f"{unit.name} waits for a place: {said.get('waiting') or 'being placed'}")
    except FleetctlError:  # it only adorns the list; fleet 1.0 cannot tell
        return
    if len(units) > WAITING_TOLD:
        complain(f"... and {len(units) - WAITING_TOLD} more (fleetctl why UNIT tells the reason)")
