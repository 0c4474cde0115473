"""How far a unit is on its way, judged from what the API says. Pure.

Rule 1: an end that may be a passing moment has a patience: it counts once it has lasted that many seconds.
Rule 2: what systemd still works on is waited for, as long as it takes; what it has given up is told at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from fleetctl.entities import INACTIVE, LAUNCHED, LOADED, State, Unit
from fleetctl.placement import Placement

SETTLE = 0.3
"""Seconds after which systemd's word on a unit just started is not that from before its start."""
GRACE = 2.0
"""Seconds that fleet 1.0 gave a unit to become active; here only for what looks bad but may mend itself."""

ELSEWHERE = 6.0
"""Seconds that a unit is given to be tried on another machine, when its own cannot do what it is told."""

_UP = frozenset({"active", "reloading", "refreshing"})
_CANNOT_LOAD = frozenset({"bad-setting", "error", "masked"})


class Goal(Enum):
    """What is waited for."""

    ACTIVE = "launched"
    """Launched, and systemd says that it is up, or has done its work."""
    LOADED = "loaded"
    STOPPED = "loaded, and not running"
    GONE = "inactive"
    """On no machine any more."""

    @property
    def state(self) -> str:
        """The state of fleet that belongs to it."""
        return {Goal.ACTIVE: LAUNCHED, Goal.GONE: INACTIVE}.get(self, LOADED)

    @property
    def needs_place(self) -> bool:
        """Whether a unit must be put on a machine on the way."""
        return self in (Goal.ACTIVE, Goal.LOADED)


class End(Enum):
    """Whether the way is at its end."""

    NOT_YET = 0
    REACHED = 1
    FAILED = 2
    NO_PLACE = 3
    """No machine takes it as things are."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far it is, how many seconds this must last to count, and why."""

    end: End
    patience: float = 0.0
    why: str = ""


WAIT = Verdict(End.NOT_YET)
REACHED = Verdict(End.REACHED)


def verdict(goal: Goal, unit: Unit | None, states: Sequence[State]) -> Verdict:
    """How far the unit is; `states` are those of this unit on all machines."""
    if goal is Goal.GONE:
        return _gone(unit, states)
    if unit is None:
        return Verdict(End.FAILED, 1.0, "it is no longer in the registry")
    if unit.desired != goal.state:
        return Verdict(End.FAILED, 1.0, f"somebody else has set its desired state to {unit.desired}")
    state = next((state for state in states if state.machine == unit.machine), None)
    if state is not None and state.load == "error" and state.reason and goal.needs_place:
        return Verdict(End.FAILED, ELSEWHERE, state.trouble)
    if unit.current != goal.state:
        return WAIT
    if goal is Goal.LOADED:
        return REACHED
    return _stopped(state) if goal is Goal.STOPPED else _active(state)


def no_place(placement: Placement | None) -> Verdict:
    """What it means for a unit that is on no machine, what the API says of its place."""
    if placement is None or not placement.hopeless:
        return WAIT
    return Verdict(End.NO_PLACE, SETTLE, placement.hopeless)


def _gone(unit: Unit | None, states: Sequence[State]) -> Verdict:
    if unit is not None and unit.desired != INACTIVE:  # somebody wants it again: then its states are new ones
        return Verdict(End.REACHED, SETTLE)
    here = unit is not None and unit.current not in (INACTIVE, "")
    return WAIT if here or states else REACHED


def _stopped(state: State | None) -> Verdict:
    if state is None or state.active in ("inactive", "failed"):
        return REACHED
    # Whatever runs now has been started by systemd itself, say through its socket.
    return WAIT if state.active == "deactivating" else Verdict(End.REACHED, GRACE)


def _active(state: State | None) -> Verdict:
    if state is None:
        return WAIT
    said = f"systemd says {state.active} ({state.sub})" + (f": {state.trouble}" if state.trouble else "")
    if state.active in _UP and state.load == "loaded":
        return REACHED
    if state.active == "failed":
        return Verdict(End.FAILED, SETTLE, said)
    if state.load in _CANNOT_LOAD:
        return Verdict(End.FAILED, SETTLE, f"systemd cannot load it: {state.load}")
    if state.load == "not-found":
        return Verdict(End.FAILED, GRACE, "systemd does not find its file")
    if state.sub == "auto-restart":
        return Verdict(End.FAILED, GRACE, f"{said}: it ends as soon as it is started")
    return Verdict(End.REACHED, 2 * SETTLE, said) if state.active == "inactive" else WAIT
