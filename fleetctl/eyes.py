"""Looking at units through the API, in as few requests as it takes.

Rule 1: one list for many units, single requests for a few.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from fleetctl.api import Api
from fleetctl.entities import State, Unit
from fleetctl.errors import FleetctlError, Unsupported
from fleetctl.placement import Placement
from fleetctl.verdict import Goal

PAGE = 100
"""How many units a list brings with one request."""
FEW = 3
FIRST = 0.2
"""Seconds until it is asked why a unit has no place, and until it is asked again."""
SLOWER = 0.02
"""Seconds that are added to that for each unit that has none."""
BUDGET = 0.1
"""Seconds that may be spent on such questions at each look."""


class Eyes:
    """Sees units on their way to one goal."""

    def __init__(self, api: Api, goal: Goal) -> None:
        self._api = api
        self._goal = goal
        self._pages = 1

    def look(self, names: Sequence[str]) -> Mapping[str, tuple[Unit | None, Sequence[State]]]:
        """Each unit, and what systemd says of it wherever that matters. Raises Unreachable, ApiError."""
        units = self._units(names)
        states = self._states([name for name in names if self._matters(units[name])])
        return {name: (units[name], states.get(name, ())) for name in names}

    def _matters(self, unit: Unit | None) -> bool:
        if self._goal is Goal.GONE:
            return True
        if unit is None or not unit.machine:
            return False
        has_to_load = self._goal is Goal.LOADED and unit.current != self._goal.state
        return has_to_load or (self._goal is not Goal.LOADED and unit.current == self._goal.state)

    def _units(self, names: Sequence[str]) -> Mapping[str, Unit | None]:
        if self._one_by_one(names):
            return {name: self._api.unit(name) for name in names}
        units = {unit.name: unit for unit in self._api.units()}
        self._pages = 1 + len(units) // PAGE
        return {name: units.get(name) for name in names}

    def _states(self, names: Sequence[str]) -> Mapping[str, Sequence[State]]:
        if self._one_by_one(names):
            return {name: self._known(name) for name in names}
        states: dict[str, list[State]] = {}
        for state in self._known():
            states.setdefault(state.name, []).append(state)
        return states

    def _known(self, name: str = "") -> Sequence[State]:
        """The states of machines that are there, with their troubles."""
        return [state for state in self._api.states(name, full=True) if state.is_known]

    def _one_by_one(self, names: Sequence[str]) -> bool:
        return len(names) <= max(FEW, self._pages)


class Reasons:
    """Asks why units have no place; says nothing where the daemon cannot tell.

    The question costs the daemon something: units that are placed at once are never asked about, and of
    many that wait only some at each look, each the more seldom the more there are.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: dict[str, tuple[float, Placement | None]] = {}
        self._since: dict[str, float] = {}
        self._look, self._asked = 0.0, 0.0
        self._mute = False

    def placement(self, name: str, now: float) -> Placement | None:
        """What was last heard about the place of a unit; `now` is the same for all units of one look."""
        when, known = self._known.get(name, (-float("inf"), None))
        if now != self._look:
            self._look, self._asked = now, time.monotonic()
        again = FIRST + SLOWER * len(self._known)
        waited = now - self._since.setdefault(name, now)
        enough = time.monotonic() - self._asked > BUDGET
        if self._mute or waited < FIRST or now - when < again or enough:
            return known
        try:
            said = self._api.why(name)
        except Unsupported:
            self._mute = True
            return None
        except FleetctlError:  # the next look at the unit itself says what is wrong
            said = None
        known = Placement.from_json(said) if said is not None else None
        self._known[name] = now, known
        return known
