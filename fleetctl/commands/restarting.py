"""restart: stop units and start them again where they are."""

from __future__ import annotations

from collections.abc import Sequence

from fleetctl.command import BLOCK_ATTEMPTS, command, words
from fleetctl.commands.arriving import create
from fleetctl.commands.leaving import known_units
from fleetctl.entities import INACTIVE, LAUNCHED, LOADED, Unit
from fleetctl.output import Stop, complain, doing, log_line
from fleetctl.session import Session
from fleetctl.verdict import Goal
from fleetctl.wait import wait_for


@command(
    "restart [--block-attempts=N] UNIT...",
    "Restart units that are loaded or running",
    BLOCK_ATTEMPTS,
    words("units"),
    description="""\
Stops each unit and starts it again on its machine, one unit after the other. Of
a global unit all copies are restarted, one machine after the other.""",
    example="fleetctl restart web@1.service",
)
def restart(session: Session, units: Sequence[str], block_attempts: int) -> int:
    """Restart units that are on a machine."""
    known = known_units(session, units, must_exist=False)
    create(session, "restart", units, replace=False, force=False)
    faults = [unit for unit in known if unit.is_global and not _restart_everywhere(session, unit)]
    for unit in known:
        if not unit.is_global:
            _restart(session, unit, block_attempts)
    if faults:
        complain(f"Error restarting global units {' '.join(unit.name for unit in faults)}")
    return 1 if faults else 0


def _restart(session: Session, unit: Unit, attempts: int) -> None:
    if unit.current == INACTIVE:
        complain(f"Unable to restart unit {unit.name} in state inactive")
        return
    if unit.current == LAUNCHED:
        _bring(session, unit, LOADED, Goal.STOPPED, attempts)
    else:
        log_line("INFO", f"Unit({unit.name}) already loaded, starting.")
    _bring(session, unit, LAUNCHED, Goal.ACTIVE, attempts)
    if unit.current == LAUNCHED:
        log_line("INFO", f"Unit({unit.name}) was restarted.")


def _bring(session: Session, unit: Unit, desired: str, goal: Goal, attempts: int) -> None:
    with doing(f"Error setting target state for unit {unit.name}"):
        session.api.set_desired(unit.name, desired)
    for fault in wait_for(session, goal, [unit.name], attempts=attempts):
        raise Stop(f"Error waiting for unit states, exit status: {fault}", fault.status)


def _restart_everywhere(session: Session, unit: Unit) -> bool:
    """Restart a global unit where it is; whether that worked everywhere."""
    from fleetctl.commands.nearby import machines_with
    from fleetctl.remote import run_on

    statuses = [
        run_on(session, machine, ["systemctl", "restart", unit.name], port=22)
        for machine in machines_with(session, unit.name)
    ]
    return not any(statuses)
