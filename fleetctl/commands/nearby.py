"""What the host that runs a unit has to say about it: status, journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fleetctl.columns import STATUSES, Status
from fleetctl.command import SSH_PORT, command, words
from fleetctl.entities import INACTIVE, Machine, State, Unit, legend, place
from fleetctl.flags import Integer, OneOf, Switch, Text, flag
from fleetctl.listing import How, Listing
from fleetctl.names import find_unit, unit_name
from fleetctl.output import Stop, complain, doing, say
from fleetctl.remote import run_on
from fleetctl.selection import instances_of, meant, missing, several
from fleetctl.session import Session

NOT_RUNNING, NO_SUCH_UNIT = 3, 4
"""Exit statuses, as of systemctl."""
FOLLOW_HOLD = 0.25
"""Seconds for which lines of several journals are held back, to be put in order."""


@command(
    "status [--ssh-port=N] [-o FORMAT] [-w] UNIT...",
    "Show what systemd says of units",
    SSH_PORT,
    flag(
        "--output",
        "-o",
        kind=OneOf("json", "yaml", "wide", "name"),
        default="",
        help="the cluster's own record: json, yaml, wide (a table) or name",
    ),
    flag(
        "--watch",
        "-w",
        kind=Switch(),
        default=False,
        help="show it again when it changes; without -o as a table",
    ),
    words("units"),
    description="""\
Runs `systemctl status` on the machine of each unit, over SSH if that is not this
host. A global unit is shown on every machine that has it; a pattern ('web@*') or a
template (web@) means all its units. With -o or -w the cluster's own record is shown,
without SSH. The exit status is that of systemctl: 0 active, 3 not, 4 no such unit.""",
    example="fleetctl status web@1.service\nfleetctl status -o json 'web@*'\nfleetctl status -w web@",
)
def status(session: Session, units: Sequence[str], ssh_port: int, output: str, watch: bool) -> int:
    """Show the status of each unit; the first that is not well ends it, unless a pattern means many."""
    if output or watch:
        return _print_records(session, units, output or "wide", watch=watch)
    if several(units):
        return _status_of_all(session, units, ssh_port)
    shared: list[Unit] = []
    for index, argument in enumerate(units):
        unit = _existing(session, argument, "Error retrieving unit")
        if unit.is_global:
            shared.append(unit)
            continue
        if unit.current == INACTIVE:
            raise Stop(f"Unit {unit.name} does not appear to be loaded.")
        if index:
            say("")
        if ended := run_on(session, unit.machine, ["systemctl", "status", "-l", unit.name], port=ssh_port):
            return ended
    return next(filter(None, [_status_everywhere(session, unit, ssh_port) for unit in shared]), 0)


def _status_of_all(session: Session, arguments: Sequence[str], port: int) -> int:
    """Show every unit that is meant, whatever the others are like."""
    from fleetctl.gathering import Job, run_in_order

    loose: list[str] = []
    jobs: list[Job] = []
    for unit in _meant(session, arguments):
        machines = machines_with(session, unit.name) if unit.is_global else [unit.machine]
        if not machines or (not unit.is_global and unit.current == INACTIVE):
            loose.append(unit.name)
            continue
        for id in machines:
            heading = f"Unit {unit.name} on {place(id, session.machines())}:" if unit.is_global else ""
            jobs.append(Job(id, _systemctl_status(session, unit.name), heading))
    status = run_in_order(session, jobs, port=port)
    for name in loose:
        complain(f"Unit {name} does not appear to be loaded.")
    return status or (NOT_RUNNING if loose else 0)


def _systemctl_status(session: Session, name: str) -> tuple[str, ...]:
    """The command; where we have colours, it is to use them, though it sees no terminal."""
    return (*(("env", "SYSTEMD_COLORS=1") if session.colours else ()), "systemctl", "status", "-l", name)


def _print_records(session: Session, arguments: Sequence[str], output: str, *, watch: bool) -> int:
    """Print what the cluster knows of the units, without asking their machines."""
    listing = Listing(STATUSES, How(fields=STATUSES.default, output=output, watch=watch))
    seen: list[Status] = []
    lost: list[str] = []

    def look() -> Sequence[Status]:
        with doing("Error retrieving unit"):
            units, lost[:] = meant(session.api, instances_of(arguments))
            states = _states_of(session, units)
        seen[:] = [Status(unit, tuple(states.get(unit.name, ()))) for unit in units]
        return seen

    listing.show(session, look)
    if lost:
        raise Stop(missing(lost), NO_SUCH_UNIT)
    return 0 if all(status.is_well for status in seen) else NOT_RUNNING


def _states_of(session: Session, units: Sequence[Unit]) -> Mapping[str, Sequence[State]]:
    """By unit name; one list is asked for if there are several."""
    found: dict[str, list[State]] = {}
    one = units[0].name if len(units) == 1 else ""
    for state in session.api.states(one, full=True) if units else ():
        found.setdefault(state.name, []).append(state)
    return found


def _meant(session: Session, arguments: Sequence[str]) -> list[Unit]:
    """The units that are meant, each once. Raises Stop if there are none, and says which are none."""
    with doing("Error retrieving units"):
        units, unknown = meant(session.api, instances_of(arguments))
    if unknown:
        complain(missing(unknown))
    if not units:
        raise Stop("", NO_SUCH_UNIT)
    return list({unit.name: unit for unit in units}.values())


def _status_everywhere(session: Session, unit: Unit, port: int) -> int:
    """Show a global unit on each machine; returns the first exit status that is not 0."""
    machines = machines_with(session, unit.name)
    if not machines:
        raise Stop(f"Unit {unit.name} does not appear to be loaded on any machine.")
    statuses = []
    for machine in machines:
        say(f"Unit {unit.name} on {place(machine, session.machines())}:")
        statuses.append(run_on(session, machine, ["systemctl", "status", "-l", unit.name], port=port))
        say("")
    return next(filter(None, statuses), 0)


def machines_with(session: Session, name: str) -> list[str]:
    """The IDs of the machines that have a unit. Raises Stop."""
    with doing("Error retrieving unit states"):
        return [state.machine for state in session.api.states(name) if state.machine]


@command(
    "journal [--lines=N] [--ssh-port=N] [-f|--follow] [--output=STRING] <unit>...",
    "Print the journal of units",
    flag("--lines", "-n", kind=Integer(), default=10, help="how many of the last lines to print"),
    flag("--follow", "--f", "-f", kind=Switch(), default=False, help="go on printing as lines are written"),
    flag("--output", "-o", kind=Text(), default="short", help="output mode, as of journalctl"),
    flag("--sudo", kind=Switch(), default=False, help="run journalctl through sudo"),
    SSH_PORT,
    words("units"),
    description="""\
Runs `journalctl` on the machine of the unit, over SSH if that is not this host.
Of several units (names, a pattern, a template, a global unit on its machines) the
lines are put together in order of time, each with its unit and machine.""",
    example="fleetctl journal -f web@1.service\nfleetctl journal -f 'web@*'",
)
def journal(
    session: Session, units: Sequence[str], lines: int, follow: bool, output: str, sudo: bool, ssh_port: int
) -> int:
    """Print the journal of units."""
    if not units:
        raise Stop("One unit file must be provided.")
    line = (["sudo"] if sudo else []) + ["journalctl", "--no-pager", "-n", str(lines)]
    line += ["-f"] if follow else []
    if len(units) > 1 or several(units):
        return _journals(session, _meant(session, units), line, output, ssh_port, follow=follow)
    unit = _existing(session, units[0], f"Error retrieving unit {unit_name(units[0])}")
    if unit.is_global:
        return _journals(session, [unit], line, output, ssh_port, follow=follow)
    if unit.current == INACTIVE:
        raise Stop(f"Unit {unit.name} does not appear to be running.")
    tail = ["--no-pager", "-n", str(lines), "--output", output, *(["-f"] if follow else [])]
    words = [*(["sudo"] if sudo else []), "journalctl", "--unit", unit.name, *tail]
    return run_on(session, unit.machine, words, port=ssh_port)


def _journals(
    session: Session, units: Sequence[Unit], line: Sequence[str], output: str, port: int, *, follow: bool
) -> int:
    """Print the journals of units on all their machines, line by line in order of time."""
    from fleetctl.journal import read
    from fleetctl.many import Source, as_it_is, run_on_many

    by_time = output == "short"
    machines = {machine.id: machine for machine in session.machines()}
    sources = [
        Source(
            f"{unit.name} {legend(id)}",
            machines.get(id) or Machine(id),
            (*line, "--unit", unit.name, "--output", "json" if by_time else output),
        )
        for unit in units
        for id in (machines_with(session, unit.name) if unit.is_global else filter(None, [unit.machine]))
    ]
    if not sources:
        raise Stop(f"None of these units is on a machine: {' '.join(unit.name for unit in units)}")
    hold = (FOLLOW_HOLD if follow else float("inf")) if by_time else 0.0
    read_line = read if by_time else as_it_is
    return run_on_many(session, sources, port=port, read=read_line, hold=hold, endless=follow)


def _existing(session: Session, argument: str, failed: str) -> Unit:
    with doing(failed):
        unit = find_unit(session.api, argument)
    if unit is None:
        raise Stop(f"Unit {unit_name(argument)} does not exist.")
    return unit
