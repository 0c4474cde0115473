"""Units that go: stop, unload, destroy."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from fleetctl.command import BLOCK_ATTEMPTS, NO_BLOCK, command, units_given, words
from fleetctl.entities import Unit
from fleetctl.errors import FleetctlError
from fleetctl.intent import Departure, departure
from fleetctl.names import is_pattern, picked
from fleetctl.output import Stop, complain, say
from fleetctl.session import Session
from fleetctl.verdict import Goal
from fleetctl.wait import Fault, status_of, wait_for

_PAST = {"stop": "stopped", "unload": "unloaded"}
_GOAL = {"stop": Goal.STOPPED, "unload": Goal.GONE}


@command(
    "stop [--no-block|--block-attempts=N] UNIT...",
    "Stop units, which stay loaded on their machines",
    NO_BLOCK,
    BLOCK_ATTEMPTS,
    words("units"),
    description="Stops units. They stay where they are, and can be started there again.",
    example="fleetctl stop 'web@*'",
)
def stop(session: Session, units: Sequence[str], no_block: bool, block_attempts: int) -> None:
    """Stop units that run."""
    _depart(session, "stop", units, no_block=no_block, attempts=block_attempts)


@command(
    "unload UNIT...",
    "Take units off their machines",
    NO_BLOCK,
    BLOCK_ATTEMPTS,
    words("units"),
    example="fleetctl unload web@1.service",
)
def unload(session: Session, units: Sequence[str], no_block: bool, block_attempts: int) -> None:
    """Take units off their machines; they stay in the registry."""
    _depart(session, "unload", units, no_block=no_block, attempts=block_attempts)


@command(
    "destroy UNIT...",
    "Stop units and remove them from the cluster",
    NO_BLOCK,
    BLOCK_ATTEMPTS,
    words("units"),
    description="Removes units from the cluster, and waits until they have been stopped wherever they ran.",
    example="fleetctl destroy web@1.service",
)
def destroy(session: Session, units: Sequence[str], no_block: bool, block_attempts: int) -> int:
    """Remove units for good."""
    known = known_units(session, units)
    destroyed: list[str] = []
    status = 0
    for unit in known:
        try:
            if session.api.destroy(unit.name):
                destroyed.append(unit.name)
                say(f"Destroyed {unit.name}")
        except FleetctlError as error:
            complain(f"Error destroying units: {error}")
            status = 1
    faults = [] if no_block else wait_for(session, Goal.GONE, destroyed, attempts=block_attempts, tell=False)
    for name in _unfinished(faults):
        complain(f"Error destroying units: {name}")
    return status or status_of(faults)


def _unfinished(faults: Sequence[Fault]) -> list[str]:
    return [f"{fault} (it is out of the registry, and will be stopped)" for fault in faults]


def known_units(session: Session, arguments: Sequence[str], *, must_exist: bool = True) -> list[Unit]:
    """The units named, in the order of the arguments; says which there are not. Raises Stop."""
    units_given(arguments)
    try:
        units = {unit.name: unit for unit in session.api.units()}
    except FleetctlError as error:
        raise Stop(str(error)) from error
    known, unknown = picked(arguments, units)
    if must_exist:
        for name in dict.fromkeys(unknown):
            if is_pattern(name) or sys.stderr.isatty():  # scripts know it from fleet 1.0 that nothing is said
                complain(_unknown(name, units))
        if not known:
            raise Stop("Units not found in registry", 0)
    return known


def _unknown(name: str, units: Iterable[str]) -> str:
    if is_pattern(name):
        return f"No unit matches {name}"
    from fleetctl.help import nearest

    return f"Unit {name} not found in registry{nearest(name, units)}"


def _depart(session: Session, verb: str, arguments: Sequence[str], *, no_block: bool, attempts: int) -> None:
    plan = departure(verb, known_units(session, arguments))
    _set_desired(session, plan, verb)
    if plan.refusal:
        raise Stop(plan.refusal)
    names = f"[{' '.join(plan.waited)}]"
    if no_block:
        for name in plan.waited:
            say(f"Triggered unit {name} {verb}")
    elif faults := wait_for(session, _GOAL[verb], plan.waited, attempts=attempts):
        raise Stop(f"Failed to {verb} units {names}. err: {faults[0]}", status_of(faults))
    complain(f"Successfully {_PAST[verb]} units {names}.")


def _set_desired(session: Session, plan: Departure, verb: str) -> None:
    for unit in plan.changed:
        session.debug(f"Setting Unit({unit.name}) target state to {plan.desired}")
        try:
            session.api.set_desired(unit.name, plan.desired)
        except FleetctlError as error:
            raise Stop(f"Failed to {verb} units [{unit.name}]. err: {error}") from error
        if unit.is_global:
            say(f"Triggered global unit {unit.name} {verb}")
