"""The plan's scratch schedule: who would be where, and which machine carries how much.

Rule 1: a draft is private to one plan and shows each decision the effect of those before it.
Rule 2: load is what fleet 1.0 counts: the units put on a machine, global ones too (scheduling.md §8.4).
Rule 3: machines come least loaded first, equals by machine ID.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping

from engine.cluster import Unit
from units.glob import glob_match
from units.machine import Machine
from units.placement import ResidentSet, global_objection, objection
from units.requirements import Requirements


class Draft:
    """Machines with their residents, kept in order of load."""

    def __init__(self, machines: Mapping[str, Machine]) -> None:
        self.machines = machines
        self._residents = {id: ResidentSet() for id in machines}
        self._load = dict.fromkeys(machines, 0)
        self._order = sorted((0, id) for id in machines)
        self._places: dict[str, set[str]] = {}
        self._replacers: dict[str, dict[str, Requirements]] = {}
        self._uncertain: set[str] = set()

    def load(self, machine: str) -> int:
        """How many units are on a machine."""
        return self._load[machine]

    def places(self, name: str) -> frozenset[str]:
        """The machines that a unit is on."""
        return frozenset(self._places.get(name, ()))

    def put(self, name: str, wants: Requirements, machine: str, *, certain: bool = True) -> None:
        """Place a unit. An uncertain one has its load and its conflicts, but its place may still change."""
        self._residents[machine].add(name, wants)
        self._places.setdefault(name, set()).add(machine)
        self._shift(machine, +1)
        if wants.replaces:
            self._replacers.setdefault(machine, {})[name] = wants
        if not certain:
            self._uncertain.add(name)

    def take(self, name: str, machine: str) -> None:
        """Remove a unit."""
        self._residents[machine].remove(name)
        self._places[name].discard(machine)
        self._shift(machine, -1)
        self._replacers.get(machine, {}).pop(name, None)

    def put_global(self, unit: Unit) -> None:
        """Place a global unit wherever its metadata fit and it conflicts with nobody (scheduling.md §6.1)."""
        for id, machine in self.machines.items():
            if global_objection(unit.name, unit.wants, machine, self._residents[id]) is None:
                self.put(unit.name, unit.wants, id)

    def objection(self, name: str, wants: Requirements, machine: str) -> str | None:
        """Why a unit cannot be on a machine beside those who are there now, or None when it can."""
        return objection(name, wants, self.machines[machine], self._residents[machine])

    def replacer(self, name: str, wants: Requirements, machine: str) -> str | None:
        """The resident that pushes this unit off a machine, if it does not push back (scheduling.md §5)."""
        for other, theirs in self._replacers.get(machine, {}).items():
            if other != name and _names(theirs.replaces, name) and not _names(wants.replaces, other):
                return other
        return None

    def awaits_peer(self, wants: Requirements) -> bool:
        """Whether a unit follows one whose place is not yet certain."""
        return any(peer in self._uncertain for peer in wants.machine_of)

    def by_load(self, wants: Requirements) -> Iterator[str]:
        """The machines worth a look for a unit, least loaded first. The draft must not change meanwhile."""
        few = self._only_choices(wants)
        if few is None:
            return (id for _, id in self._order)
        return iter(sorted((id for id in few if id in self._load), key=lambda id: (self._load[id], id)))

    def _only_choices(self, wants: Requirements) -> Iterable[str] | None:
        """The few machines that a unit can be on at all, where that is known without looking at each."""
        if wants.machine_of:
            return self.places(wants.machine_of[0])
        if wants.machine_id is not None and wants.machine_id in self.machines:
            return (wants.machine_id,)
        return None

    def _shift(self, machine: str, by: int) -> None:
        load = self._load[machine]
        del self._order[bisect_left(self._order, (load, machine))]
        insort(self._order, (load + by, machine))
        self._load[machine] = load + by


def _names(patterns: Iterable[str], name: str) -> bool:
    return any(glob_match(pattern, name) for pattern in patterns)
