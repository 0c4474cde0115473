"""The scratch schedule of the plans: who is where, and which machine carries how much.

Rule 1: load is what fleet 1.0 counts: the units put on a machine, global ones too (scheduling.md §8.4).
Rule 2: what a plan puts down in a sketch is gone when the sketch ends: the draft then shows again who is
        on the machines, not who may come to them.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager

from engine.hosts import Hosts
from engine.patterns import ConflictIndex
from units.glob import glob_match
from units.machine import Machine
from units.placement import ResidentSet, objection
from units.requirements import Requirements

FEW = 64
"""So many machines are rather sorted than sought among all."""


class Draft:
    """Machines with their residents, indexed for the questions of a plan."""

    def __init__(self) -> None:
        self.hosts = Hosts()
        self._residents: dict[str, ResidentSet] = {}
        self._wants: dict[str, Requirements] = {}
        self._places: dict[str, set[str]] = {}
        self._conflicts = ConflictIndex()
        self._replacers: dict[str, dict[str, Requirements]] = {}
        self._uncertain: set[str] = set()
        self._undo: list[Callable[[], None]] | None = None

    @property
    def machines(self) -> Mapping[str, Machine]:
        """Those that are present, by ID."""
        return self.hosts.machines

    def replace(self, changed: Mapping[str, Machine | None]) -> None:
        """Machines that have come, changed, or with None gone. There must be nobody on them."""
        self.hosts.replace(changed)
        for id, machine in changed.items():
            if machine is None:
                self.hosts.forget(id)
                self._residents.pop(id, None)
            else:
                self._residents.setdefault(id, ResidentSet())

    @contextmanager
    def sketch(self) -> Iterator[None]:
        """Take back, at the end, all that is put and taken until then."""
        self._undo = []
        try:
            yield
        finally:
            undo, self._undo = self._undo, None
            for one in reversed(undo):
                one()
            self._uncertain.clear()

    @property
    def is_untouched(self) -> bool:
        """Whether the sketch shows nothing else than who is on the machines."""
        return not self._undo

    def load(self, machine: str) -> int:
        """How many units are on a machine."""
        return self.hosts.load(machine)

    def places(self, name: str) -> Collection[str]:
        """The machines that a unit is on."""
        return self._places.get(name, ())

    def residents(self, machine: str) -> list[str]:
        """The units on a machine that is present."""
        return list(self._residents[machine])

    def put(self, name: str, wants: Requirements, machine: str, *, certain: bool = True) -> None:
        """Place a unit. An uncertain one has its load and its conflicts, but its place may still change."""
        self._residents[machine].add(name, wants)
        self._wants[name] = wants
        self._places.setdefault(name, set()).add(machine)
        self._conflicts.put(name, wants, machine)
        self.hosts.shift(machine, +1)
        if wants.replaces:
            self._replacers.setdefault(machine, {})[name] = wants
        if not certain:
            self._uncertain.add(name)
        if self._undo is not None:
            self._undo.append(lambda: self.take(name, machine))

    def take(self, name: str, machine: str) -> None:
        """Remove a unit from where it is."""
        wants = self._wants[name]
        self._residents[machine].remove(name)
        self._places[name].discard(machine)
        if not self._places[name]:
            del self._places[name], self._wants[name]
        self._conflicts.take(name, wants, machine)
        self.hosts.shift(machine, -1)
        self._replacers.get(machine, {}).pop(name, None)
        if self._undo is not None:
            self._undo.append(lambda: self.put(name, wants, machine))

    def clear(self, machine: str) -> None:
        """Remove all units from a machine; nothing happens when it is not present."""
        for name in list(self._residents.get(machine, ())):
            self.take(name, machine)

    def objection(self, name: str, wants: Requirements, machine: str) -> str | None:
        """Why a unit cannot be on a machine beside those who are there now, or None when it can."""
        return objection(name, wants, self.machines[machine], self._residents[machine])

    def residents_of(self, machine: str) -> ResidentSet:
        """The units on a machine that is present, as the rules of placement see them."""
        return self._residents[machine]

    def has_replacers(self, machine: str) -> bool:
        """Whether any unit on a machine pushes others off."""
        return bool(self._replacers.get(machine))

    def replacer(self, name: str, wants: Requirements, machine: str) -> str | None:
        """The first by name of those who push a unit off a machine, unless it pushes back (§5)."""
        pushing = (
            other
            for other, theirs in self._replacers.get(machine, {}).items()
            if other != name and _names(theirs.replaces, name) and not _names(wants.replaces, other)
        )
        return min(pushing, default=None)

    def awaits_peer(self, wants: Requirements) -> bool:
        """Whether a unit follows one whose place is not yet certain."""
        return any(peer in self._uncertain for peer in wants.machine_of)

    def worth_asking(self, name: str, wants: Requirements) -> Iterable[str]:
        """The machines that nothing indexed speaks against, least loaded first.

        `objection` still has the last word. The draft must not change while they are looked at.
        """
        fit = self.hosts.with_metadata(wants.metadata)
        against = self._conflicts.against(name, wants)
        few = self.only_choices(wants)
        if any(len(machines) == len(self.machines) for machines in against):
            return ()
        if few is None and sum(map(len, against)) > FEW:
            free = fit.ids.difference(*against)
            few = free if len(free) <= FEW else None
        if few is not None:
            free = {id for id in few if id in fit.ids}.difference(*against)
            return self.hosts.by_load(free)
        if not against:
            return (id for _, id in fit.order)
        return (id for _, id in fit.order if not any(id in machines for machines in against))

    def only_choices(self, wants: Requirements) -> Collection[str] | None:
        """The few machines that `MachineID` and `MachineOf` leave, or None when they are not asked for."""
        few = None if wants.machine_id is None else self.hosts.called(wants.machine_id)
        for peer in wants.machine_of:
            there = set(self.places(peer))
            few = there if few is None else few & there
        return few

    def conflicting(self, name: str, wants: Requirements) -> Set[str]:
        """The machines where a unit would meet a conflict."""
        against = self._conflicts.against(name, wants)
        if any(len(machines) == len(self.machines) for machines in against):
            return self.hosts.everywhere.ids
        return set().union(*against)


def _names(patterns: Iterable[str], name: str) -> bool:
    return any(glob_match(pattern, name) for pattern in patterns)
