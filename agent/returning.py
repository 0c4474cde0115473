"""What a host that comes back still runs, although it was moved away while the host was cut off.

Rule 1: such a unit runs on until its other copy is active, so that a cut costs nobody a running unit.
Rule 2: nothing waits for ever: without another place, or after a while, the unit goes all the same.
Rule 3: only the first look of a session finds such units. Later the engine waits until a unit has left
        one host before it comes to the next (so does the agent of a restarted fleetd: it finds none).
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping

from agent.errors import HostError
from agent.host import Host, Present, Stage
from registry.port import Everything, Registry
from registry.records import Picture, Report, ScheduleEntry
from units.state import TargetState

log = logging.getLogger(__name__)

HOLD_AT_MOST = 60.0
"""Seconds that a unit waits for its other copy."""
RUNNING = frozenset({"active", "activating", "reloading", "refreshing"})
UP = RUNNING - {"activating"}


def why_let_go(name: str, machine: str, picture: Picture) -> str | None:
    """Why a unit that is not to run on this machine may stop, or None while its other copy is not up."""
    job = picture.jobs.get(name)
    if job is None:
        return "it has been destroyed"
    if job.desired is not TargetState.LAUNCHED or job.is_global:
        return f"it is to be {job.desired}" + (", and not here" if job.is_global else "")
    entries = picture.schedule.get(name, {})
    places = _other_places(name, machine, picture)
    if not places:
        return "it has no other place yet"  # and gets none before it has left this one
    said = picture.reports.get(name, {})
    arrived = (place for place in places if _is_up(said.get(place), entries[place]))
    return next((f"it is up on Machine({place})" for place in arrived), None)


def has_other_place(name: str, machine: str, picture: Picture) -> bool:
    """Whether a unit is scheduled to another machine that is present."""
    return bool(_other_places(name, machine, picture))


def _other_places(name: str, machine: str, picture: Picture) -> list[str]:
    places = picture.schedule.get(name, {})
    return sorted(place for place in places if place != machine and place in picture.machines)


def _is_up(report: Report | None, entry: ScheduleEntry) -> bool:
    """Whether a unit runs at its place. One that is inactive there may just not have begun."""
    return report is not None and report.hash == entry.hash and report.active in UP


class Leftovers:
    """The units that one session keeps though they are not to be here; `let_go` is called at each change."""

    def __init__(
        self,
        registry: Registry,
        host: Host,
        machine: str,
        let_go: Callable[[], None],
        *,
        hold_at_most: float = HOLD_AT_MOST,
    ) -> None:
        self._registry = registry
        self._host = host
        self._machine = machine
        self._let_go = let_go
        self._at_most = hold_at_most
        self._held: frozenset[str] | None = None
        self._found = asyncio.Event()

    def held(self, wanted: Collection[str], present: Mapping[str, Present] | None) -> frozenset[str]:
        """The units that are to be left running for now, though nobody wants them here."""
        if self._held is None:
            if present is None:
                return frozenset()
            self._held = frozenset(name for name, unit in present.items() if unit.stage is Stage.LAUNCHED)
            self._held -= frozenset(wanted)
            if self._held:
                self._found.set()
        self._held -= frozenset(wanted)
        return self._held

    async def run(self) -> None:
        """Let go of one after the other, as its other copy comes up; returns when none is held any more."""
        await self._found.wait()
        self._drop(self._held_now - await self._running(self._held_now), "it does not run here")
        if not self._held_now:
            return
        async with self._registry.follow(Everything()) as view:
            try:
                async with asyncio.timeout(self._at_most):
                    while self._look(view.picture):
                        await view.after(view.picture)
            except TimeoutError:
                self._drop(self._held_now, f"its other copy has not come up within {self._at_most:g} s")

    @property
    def _held_now(self) -> frozenset[str]:
        return self._held or frozenset()

    async def _running(self, names: frozenset[str]) -> frozenset[str]:
        """Those that run; all of them, where that cannot be found out."""
        try:
            statuses = await self._host.states(names)
        except HostError as error:
            log.warning("could not find out which units run here that were moved away: %s", error)
            return names
        return frozenset(name for name, status in statuses.items() if status.active in RUNNING)

    def _look(self, picture: Picture) -> bool:
        """Let go of what may go now; whether any is left."""
        for name in sorted(self._held_now):
            if said := why_let_go(name, self._machine, picture):
                self._drop(frozenset({name}), said)
        return bool(self._held_now)

    def _drop(self, names: frozenset[str], why: str) -> None:
        for name in sorted(names):
            log.info("%s was moved away while this host was cut off, and may stop: %s", name, why)
        if names:
            self._held = self._held_now - names
            self._let_go()
