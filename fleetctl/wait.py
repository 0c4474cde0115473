"""Waiting until units are where they were sent: look often at first, then less and less.

Rule 1: what goes wrong on the way to the API does not end the waiting (fleet 1.0); it is said once.
Rule 2: a unit that no machine takes is not waited for, unless a number of attempts says how long.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from fleetctl.changes import Pace
from fleetctl.entities import State, Unit, place
from fleetctl.errors import FleetctlError
from fleetctl.eyes import Eyes, Reasons
from fleetctl.output import complain, say
from fleetctl.progress import Progress, stage
from fleetctl.session import Session
from fleetctl.verdict import WAIT, End, Goal, Verdict, no_place, verdict

ATTEMPT = 2.0
"""Seconds of one of the attempts that `--block-attempts` counts."""
UNPLACEABLE, TIMEOUT = 2, 124


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a unit has not arrived, in words that name it, and the exit status that belongs to it."""

    said: str
    status: int = 1
    launched: bool = False
    """Whether fleet has done its part, so that it is systemd that was waited for."""

    def __str__(self) -> str:
        return self.said


def status_of(faults: Sequence[Fault]) -> int:
    """The exit status of a command with these faults: a failure counts before a lack of place or of time."""
    return min((fault.status for fault in faults), default=0)


@dataclass(slots=True)
class _Watched:
    """One unit that is waited for."""

    name: str
    since: float
    verdict: Verdict = WAIT
    told: bool = False

    def end(self, said: Verdict, now: float) -> End:
        """The end that the unit has come to, once the verdict has lasted long enough."""
        if said != self.verdict:
            self.verdict, self.since = said, now
        return said.end if now - self.since >= said.patience else End.NOT_YET


def wait_for(
    session: Session, goal: Goal, names: Sequence[str], *, attempts: int = 0, tell: bool = True
) -> list[Fault]:
    """Wait until each unit has reached the goal; returns what went wrong.

    What is named twice is told of twice (fleet 1.0). At most `attempts` times 2 s are waited, without limit
    if that is 0 or less. With `tell` there is a line on stdout for each unit that has arrived, and one on
    stderr at once for each that will not.
    """
    begin = time.monotonic()
    pending = [_Watched(name, begin) for name in names]
    watch = _Watch(session, goal, tell=tell, patient=attempts > 0)
    pace = Pace(session.api, frozenset(names))
    end = begin + attempts * ATTEMPT if attempts > 0 else float("inf")
    try:
        while (now := time.monotonic()) <= end:
            pending = watch.still_pending(pending, now)
            if not pending:
                break
            pace.wait(end - now + 0.001, restless=watch.restless)
    except KeyboardInterrupt:
        watch.progress.clear()
        complain("Interrupted. What has been asked of the cluster goes on.")
        raise
    watch.time_out(pending)
    watch.sum_up(len(names), time.monotonic() - begin)
    return watch.faults


class _Watch:
    """Looks at units and tells about them."""

    def __init__(self, session: Session, goal: Goal, *, tell: bool, patient: bool) -> None:
        self.faults: list[Fault] = []
        self._patient = patient
        self._pending: set[str] = set()
        self._stuck: set[str] = set()
        self._reasons = Reasons(session.api)
        self._session = session
        self._goal = goal
        self._tell = tell
        self._trouble = ""
        self.progress = Progress()
        self.restless = True
        """Whether something is waited for that no event tells of."""
        self._eyes = Eyes(session.api, goal)

    def still_pending(self, pending: Sequence[_Watched], now: float) -> list[_Watched]:
        """Those that have not come to an end."""
        try:
            seen = self._eyes.look([watched.name for watched in pending])
        except FleetctlError as error:
            if str(error) != self._trouble:
                self._trouble = str(error)
                self.progress.clear()
                complain(f"Still waiting: {error}")
            self.restless = True
            return list(pending)
        self._pending = {one.name for one in pending}
        left = [watched for watched in pending if not self._ended(watched, *seen[watched.name], now)]
        self.restless = any(
            one.verdict is not WAIT or _waits_for_place(self._goal, seen[one.name][0]) for one in left
        )
        self.progress.show(lambda: [f"{one.name} {self._stage(one, *seen[one.name])}" for one in left])
        return left

    def time_out(self, pending: Sequence[_Watched]) -> None:
        """There was not enough time for these."""
        for watched in pending:
            said = f"timed out waiting for unit {watched.name} to report state {self._goal.state}"
            why = f" ({watched.verdict.why})" if watched.verdict.why else ""
            status = UNPLACEABLE if watched.verdict.end is End.NO_PLACE else TIMEOUT
            self.fault(Fault(said + why, status, watched.told))

    def sum_up(self, units: int, seconds: float) -> None:
        """Tell people at a terminal what came of it."""
        self.progress.clear()
        if self.progress.is_shown and units:
            bad = f", {len(self.faults)} not" if self.faults else ""
            complain(
                f"{units - len(self.faults)} of {units} units {self._goal.value}{bad}, after {seconds:.1f} s"
            )

    def fault(self, said: Fault) -> None:
        """Something went wrong for good."""
        self.faults.append(said)
        self.progress.clear()
        if self._tell:
            complain(f"Error waiting for units: {said}")

    def _ended(self, watched: _Watched, unit: Unit | None, states: Sequence[State], now: float) -> bool:
        said = verdict(self._goal, unit, states)
        if said is WAIT and unit is not None and not unit.machine and self._goal.needs_place:
            said = self._without_place(unit.name, now)
        end = watched.end(said, now)
        if end is End.NO_PLACE and self._patient:
            return False
        launched = self._goal is Goal.ACTIVE and unit is not None and unit.current == self._goal.state
        if unit is not None and not watched.told and (launched or end is End.REACHED):
            watched.told = True
            self._arrived(unit)
        if end is End.FAILED:
            self.fault(Fault(self._failure(watched.name, unit, said), launched=watched.told))
        elif end is End.NO_PLACE:
            self.fault(Fault(_placeless(watched.name, said), UNPLACEABLE))
        return end is not End.NOT_YET

    def _without_place(self, name: str, now: float) -> Verdict:
        """What it means that the unit is nowhere: one that follows others waits for those of this command."""
        placement = self._reasons.placement(name, now)
        said = no_place(placement)
        if said is WAIT:
            self._stuck.discard(name)
            return WAIT
        self._stuck.add(name)
        follows = placement is not None and placement.needs_others
        return WAIT if follows and self._pending - self._stuck else said

    def _stage(self, watched: _Watched, unit: Unit | None, states: Sequence[State]) -> str:
        where = place(unit.machine, self._session.machines()) if unit else ""
        return stage(self._goal, unit, states, watched.verdict, where)

    def _arrived(self, unit: Unit) -> None:
        if self._tell:
            machines = {machine.id for machine in self._session.machines()} if unit.machine else set()
            known = unit.machine in machines
            where = f" on {place(unit.machine, self._session.machines())}" if known else ""
            self.progress.clear()
            say(f"Unit {unit.name} {unit.current}{where}")

    def _failure(self, name: str, unit: Unit | None, said: Verdict) -> str:
        where = f" on {place(unit.machine, self._session.machines())}" if unit and unit.machine else ""
        return f"unit {name} failed{where}: {said.why} (fleetctl status {name} tells more)"


def _waits_for_place(goal: Goal, unit: Unit | None) -> bool:
    """Whether a unit waits for a place: why it gets none changes without any event."""
    return goal.needs_place and unit is not None and not unit.machine


def _placeless(name: str, said: Verdict) -> str:
    return (
        f"unit {name} cannot be placed: {said.why} (it will be as soon as that changes; "
        f"fleetctl why {name} tells more, fleetctl unload {name} gives up)"
    )
