"""Units that come: submit, load, start."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from fleetctl.command import BLOCK_ATTEMPTS, NO_BLOCK, command, units_given, words
from fleetctl.entities import INACTIVE, LAUNCHED, LOADED, Setting
from fleetctl.errors import BadUnit
from fleetctl.flags import Switch, flag
from fleetctl.intent import Arrival, Candidate, arrival, check_can_start
from fleetctl.output import Stop, complain, doing, log_line, say
from fleetctl.session import Session
from fleetctl.unitfiles import candidates
from fleetctl.verdict import Goal
from fleetctl.wait import status_of, wait_for
from units.file import UnitFile
from units.requirements import Requirements

_REPLACE = flag(
    "--replace", kind=Switch(), default=False, help="replace units that differ from their local files"
)
_SIGN = flag("--sign", kind=Switch(), default=False, help="DEPRECATED, has no effect")
_FORCE = flag(
    "--force", kind=Switch(), default=False, help="take options of [X-Fleet] that look misspelt as they are"
)
_CREATING = (_REPLACE, _SIGN, _FORCE)
Planned = tuple[Candidate, Arrival]

_FILES = """\
An argument is the path of a unit file, or the name of a unit that is in the
cluster already. For an instance (web@1.service) without a file of its own the
template (web@.service) is taken, from the cluster or beside the given path.
Drop-ins in a directory beside it (web@.service.d/*.conf, web@1.service.d/*.conf)
are a part of the unit."""


@command(
    "submit UNIT...",
    "Upload units to the cluster without starting them",
    *_CREATING,
    words("units"),
    description=f"Uploads unit files. Nothing runs before they are loaded or started.\n\n{_FILES}",
    example="fleetctl submit web@.service",
)
def submit(session: Session, units: Sequence[str], replace: bool, sign: bool, force: bool) -> None:
    """Create the units that are not there yet."""
    units_given(units)
    create(session, "submit", units, replace=replace, force=force)


@command(
    "load [--no-block|--block-attempts=N] UNIT...",
    "Schedule units to machines without starting them",
    *_CREATING,
    NO_BLOCK,
    BLOCK_ATTEMPTS,
    words("units"),
    description=f"Uploads units if need be, and has each loaded by the systemd of a machine.\n\n{_FILES}",
    example="fleetctl load web@1.service",
)
def load(session: Session, units: Sequence[str], replace: bool, sign: bool, force: bool,
         no_block: bool, block_attempts: int) -> None:  # fmt: skip
    """Create the units that are not there yet, and have all of them loaded."""
    units_given(units)
    changed = _arrive(session, "load", LOADED, units, replace=replace, force=force)
    if no_block:
        _triggered(changed, "load")
    elif faults := wait_for(session, Goal.LOADED, changed, attempts=block_attempts):
        raise Stop(f"Error waiting for unit states, exit status: {faults[0]}", status_of(faults))


@command(
    "start [--no-block|--block-attempts=N] UNIT...",
    "Run units somewhere in the cluster",
    *_CREATING,
    NO_BLOCK,
    BLOCK_ATTEMPTS,
    words("units"),
    description=f"""\
Uploads units if need be, has each placed on a machine and started there, and
waits until systemd says that it is up, has done its work, or has failed.

{_FILES}""",
    example="fleetctl start web@1.service web@2.service\nfleetctl start --block-attempts=10 slow.service",
)
def start(session: Session, units: Sequence[str], replace: bool, sign: bool, force: bool,
          no_block: bool, block_attempts: int) -> None:  # fmt: skip
    """Create the units that are not there yet, and have all of them run."""
    units_given(units)
    changed = _arrive(session, "start", LAUNCHED, units, replace=replace, force=force)
    if no_block:
        _triggered(changed, "start")
        if not sys.stdout.isatty():  # scripts count on fleet 1.0's two phases, which said it once each
            _triggered(changed, "start")
    elif faults := wait_for(session, Goal.ACTIVE, changed, attempts=block_attempts):
        what = "systemd unit states, err" if faults[0].launched else "unit states, exit status"
        raise Stop(f"Error waiting for {what}: {faults[0]}", status_of(faults))


def create(
    session: Session, verb: str, arguments: Sequence[str], *, replace: bool, force: bool, desired: str = ""
) -> list[Planned]:
    """Create and replace what `verb` wants; new units get the desired state at once. Raises Stop."""
    planned = _planned(session, verb, arguments, replace=replace, force=force)
    if desired:
        try:
            check_can_start(found.name for found, _ in planned)
        except BadUnit as error:
            raise Stop(f"Error {verb}ing units: {error}") from error
    for _, plan in planned:
        _tell(plan)
        _create(session, plan, desired)
    _await_replaced(session, [plan.name for _, plan in planned if plan.replaces])
    return planned


def _planned(
    session: Session, verb: str, arguments: Sequence[str], *, replace: bool, force: bool
) -> list[Planned]:
    """What is to be done about each unit. Raises Stop, with all that is wrong, before anything is done."""
    with doing("Error creating units"):
        candidates_found = candidates(session.api, arguments, replace=replace)
    planned: list[Planned] = []
    faults: list[str] = []
    for found in candidates_found:
        _trace(session, found)
        try:
            planned.append((found, arrival(found, verb, replace=replace, force=force)))
        except BadUnit as error:
            faults.append(f"Error creating units: {error}")
    if faults:
        raise Stop("\n".join(faults))
    return planned


def _trace(session: Session, found: Candidate) -> None:
    """Where the unit has been found, in fleet 1.0's words."""
    session.debug(f"Looking for Unit({found.name}) or its corresponding template")
    if found.unit is not None:
        session.debug(f"Found Unit({found.name})")
    elif found.file is not None:
        session.debug(f"Unit({found.name}) found in local filesystem")
    elif found.template_unit is not None:
        session.debug(f"Template Unit({found.template}) found in registry")


def _tell(plan: Arrival) -> None:
    for result in plan.results:
        say(result)
    for warning in plan.warnings:
        if warning.startswith("Unit "):
            log_line("WARN", warning)
        else:
            complain(warning)
            if plan.content is None and "differs from" in warning and sys.stderr.isatty():
                complain(f"(fleetctl diff {plan.name} tells how, from where the file is)")


def _create(session: Session, plan: Arrival, desired: str) -> None:
    if plan.content is None:
        return
    settings = [Setting(o.section, o.name, o.value) for o in plan.content.options]
    with doing(f"Error creating units: failed creating unit {plan.name}"):
        session.api.create(plan.name, settings, "" if plan.replaces else desired)
    session.debug(f"Created Unit({plan.name}) in Registry")
    if not plan.replaces:
        say(f"Unit {plan.name} {'' if _is_global(plan.name, plan.content) else INACTIVE}")


def _is_global(name: str, content: UnitFile) -> bool:
    return Requirements.of(name, content.options).is_global


def _await_replaced(session: Session, names: Sequence[str]) -> None:
    """The old copies must be gone before the new ones are started."""
    for fault in wait_for(session, Goal.GONE, names):
        complain(f"Error waiting on unit creation: {fault}")
        raise Stop("Error creating units: One or more errors creating units")


def _arrive(
    session: Session, verb: str, desired: str, arguments: Sequence[str], *, replace: bool, force: bool
) -> list[str]:
    """Bring units to a desired state; returns those that are to be waited for. Raises Stop."""
    planned = create(session, verb, arguments, replace=replace, force=force, desired=desired)
    changed: list[str] = []
    for found, plan in planned:
        content = plan.content or (found.unit.file if found.unit else None)
        if found.unit is not None and not plan.replaces and found.unit.desired == desired:
            session.debug(f"Unit({plan.name}) already {desired}, skipping.")
            continue
        if found.unit is not None:
            session.debug(f"Setting Unit({plan.name}) target state to {desired}")
            with doing(f"Error {verb}ing units"):
                session.api.set_desired(plan.name, desired)
        if content is not None and _is_global(plan.name, content):
            say(f"Triggered global unit {plan.name} {verb}")
        else:
            changed.append(plan.name)
    return changed


def _triggered(names: Sequence[str], verb: str) -> None:
    for name in names:
        say(f"Triggered unit {name} {verb}")
