"""Looking at units through the API, in as few requests as it takes.

Rule 1: one list for many units, single requests for a few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fleetctl.api import Api
from fleetctl.entities import State, Unit
from fleetctl.errors import FleetctlError, Unsupported
from fleetctl.placement import Placement
from fleetctl.verdict import Goal

PAGE = 100
"""How many units a list brings with one request."""
FEW = 3
AGAIN = 0.2
"""Seconds until it is asked again why a unit has no place."""


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
        return self._goal is not Goal.LOADED and unit is not None and unit.current == self._goal.state

    def _units(self, names: Sequence[str]) -> Mapping[str, Unit | None]:
        if self._one_by_one(names):
            return {name: self._api.unit(name) for name in names}
        units = {unit.name: unit for unit in self._api.units()}
        self._pages = 1 + len(units) // PAGE
        return {name: units.get(name) for name in names}

    def _states(self, names: Sequence[str]) -> Mapping[str, Sequence[State]]:
        if self._one_by_one(names):
            return {name: self._api.states(name) for name in names}
        states: dict[str, list[State]] = {}
        for state in self._api.states():
            states.setdefault(state.name, []).append(state)
        return states

    def _one_by_one(self, names: Sequence[str]) -> bool:
        return len(names) <= max(FEW, self._pages)


class Reasons:
    """Asks why units have no place, each not too often; says nothing where the daemon cannot tell."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: dict[str, tuple[float, Placement | None]] = {}
        self._mute = False

    def placement(self, name: str, now: float) -> Placement | None:
        """What is known about the place of a unit, at most `AGAIN` seconds old."""
        asked, known = self._known.get(name, (-AGAIN, None))
        if self._mute or now - asked < AGAIN:
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
