"""When waiting ends, and how."""

from dataclasses import replace

import pytest

from fleetctl.entities import State, Unit
from fleetctl.verdict import End, Goal, Verdict, verdict


def unit(desired: str, current: str, machine: str = "m1") -> Unit:
    return Unit("a.service", (), desired, current, machine)


def state(active: str, sub: str = "", load: str = "loaded", machine: str = "m1") -> State:
    return State("a.service", machine, "h", load, active, sub)


UP = unit("launched", "launched")
DOWN = unit("loaded", "loaded")
NOT_UP = unit("launched", "loaded")
PLACELESS = unit("launched", "inactive", "")
NO_UNIT = None
ENDS = {
    "a unit that runs has arrived": (Goal.ACTIVE, UP, [state("active", "running")], End.REACHED, 0),
    "reloading is running": (Goal.ACTIVE, UP, [state("reloading")], End.REACHED, 0),
    "before it is launched its state means nothing": (
        Goal.ACTIVE, NOT_UP, [state("failed")], End.NOT_YET, 0),
    "a unit without a machine is waited for": (Goal.ACTIVE, PLACELESS, [], End.NOT_YET, 0),
    "what systemd still starts is waited for": (
        Goal.ACTIVE, UP, [state("activating", "start-pre")], End.NOT_YET, 0),
    "only its own machine counts": (Goal.ACTIVE, UP, [state("active", machine="m2")], End.NOT_YET, 0),
    "a unit that its host cannot load may be tried on another one": (
        Goal.ACTIVE, UP, [replace(state("failed", load="error"), reason="full")], End.FAILED, 6),
    "so may one that is only to be loaded, and is not": (
        Goal.LOADED, unit("loaded", "inactive"), [replace(state("failed", load="error"), reason="full")],
        End.FAILED, 6),
    "a unit that systemd gave up has failed": (Goal.ACTIVE, UP, [state("failed", "failed")], End.FAILED, 0.3),
    "a unit that did its work has arrived": (Goal.ACTIVE, UP, [state("inactive", "dead")], End.REACHED, 0.6),
    "a unit that ends again and again gets two seconds": (
        Goal.ACTIVE, UP, [state("activating", "auto-restart")], End.FAILED, 2),
    "a unit that systemd cannot load has failed": (
        Goal.ACTIVE, UP, [state("inactive", "dead", "bad-setting")], End.FAILED, 0.3),
    "a unit whose file systemd does not see gets two seconds": (
        Goal.ACTIVE, UP, [state("inactive", "dead", "not-found")], End.FAILED, 2),
    "a word of a newer systemd is waited for": (Goal.ACTIVE, UP, [state("pondering")], End.NOT_YET, 0),
    "a unit that somebody destroys will not arrive": (Goal.ACTIVE, NO_UNIT, [], End.FAILED, 1),
    "a unit that somebody stops will not arrive": (Goal.ACTIVE, DOWN, [], End.FAILED, 1),
    "a loaded unit has arrived whatever systemd says": (Goal.LOADED, DOWN, [state("active")], End.REACHED, 0),
    "a stopped unit has arrived": (Goal.STOPPED, DOWN, [state("inactive", "dead")], End.REACHED, 0),
    "a unit that failed has stopped": (Goal.STOPPED, DOWN, [state("failed")], End.REACHED, 0),
    "a unit that still stops is waited for": (Goal.STOPPED, DOWN, [state("deactivating")], End.NOT_YET, 0),
    "a unit that its socket starts anew is not waited for for ever": (
        Goal.STOPPED, DOWN, [state("active")], End.REACHED, 2),
    "a unit that is still launched has not stopped": (
        Goal.STOPPED, unit("loaded", "launched"), [state("inactive")], End.NOT_YET, 0),
    "an unloaded unit is gone": (Goal.GONE, unit("inactive", "inactive", ""), [], End.REACHED, 0),
    "a unit is not gone while a machine has it": (
        Goal.GONE, unit("inactive", "inactive", ""), [state("deactivating")], End.NOT_YET, 0),
    "a destroyed unit is gone": (Goal.GONE, NO_UNIT, [], End.REACHED, 0),
    "a destroyed unit is not gone while it runs": (Goal.GONE, NO_UNIT, [state("active")], End.NOT_YET, 0),
    "a unit that is wanted again is not waited for": (Goal.GONE, UP, [state("active")], End.REACHED, 0.3),
}  # fmt: skip


@pytest.mark.parametrize(("goal", "seen", "states", "end", "patience"), ENDS.values(), ids=ENDS)
def test_waiting(goal: Goal, seen: Unit | None, states: list[State], end: End, patience: float) -> None:
    said = verdict(goal, seen, states)
    assert (said.end, said.patience) == (end, patience)


def test_a_failure_says_what_its_host_said() -> None:
    said = verdict(Goal.ACTIVE, UP, [replace(state("failed", "failed"), reason="no partner", failures=3)])
    assert said.why == "systemd says failed (failed): no partner (failed 3 times)"


def test_a_failure_says_what_systemd_said() -> None:
    said = verdict(Goal.ACTIVE, UP, [state("failed", "failed")])
    assert said == Verdict(End.FAILED, 0.3, "systemd says failed (failed)")
