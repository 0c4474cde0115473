"""What the host that runs a unit has to say about it: status, journal."""

from __future__ import annotations

from collections.abc import Sequence

from fleetctl.command import SSH_PORT, command, words
from fleetctl.entities import INACTIVE, Unit, place
from fleetctl.flags import Integer, Switch, Text, flag
from fleetctl.names import find_unit, unit_name
from fleetctl.output import Stop, doing, say
from fleetctl.remote import run_on
from fleetctl.session import Session


@command(
    "status [--ssh-port=N] UNIT...",
    "Show what systemd says of units",
    SSH_PORT,
    words("units"),
    description="""\
Runs `systemctl status` on the machine of each unit, over SSH if that is not this
host. A global unit is shown on every machine that has it.""",
)
def status(session: Session, units: Sequence[str], ssh_port: int) -> int:
    """Show the status of each unit; the first that is not well ends it, with its exit status."""
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
    "journal [--lines=N] [--ssh-port=N] [-f|--follow] [--output=STRING] <unit>",
    "Print the journal of a unit",
    flag("--lines", kind=Integer(), default=10, help="how many of the last lines to print"),
    flag("--follow", "--f", "-f", kind=Switch(), default=False, help="go on printing as lines are written"),
    flag("--output", kind=Text(), default="short", help="output mode, as of journalctl"),
    flag("--sudo", kind=Switch(), default=False, help="run journalctl through sudo"),
    SSH_PORT,
    words("units"),
    description="Runs `journalctl` on the machine of the unit, over SSH if that is not this host.",
)
def journal(
    session: Session, units: Sequence[str], lines: int, follow: bool, output: str, sudo: bool, ssh_port: int
) -> int:
    """Print the journal of one unit."""
    if len(units) != 1:
        raise Stop("One unit file must be provided.")
    unit = _existing(session, units[0], f"Error retrieving unit {unit_name(units[0])}")
    if unit.is_global:
        raise Stop(f"Unable to retrieve journal of global unit {unit.name}.")
    if unit.current == INACTIVE:
        raise Stop(f"Unit {unit.name} does not appear to be running.")
    line = ["journalctl", "--unit", unit.name, "--no-pager", "-n", str(lines), "--output", output]
    return run_on(
        session,
        unit.machine,
        [*(["sudo"] if sudo else []), *line, *(["-f"] if follow else [])],
        port=ssh_port,
    )


def _existing(session: Session, argument: str, failed: str) -> Unit:
    with doing(failed):
        unit = find_unit(session.api, argument)
    if unit is None:
        raise Stop(f"Unit {unit_name(argument)} does not exist.")
    return unit
