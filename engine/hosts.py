"""The machines that are present, in order of their load, all of them and by the metadata asked for.

Rule 1: the least loaded machine comes first, equals by machine ID (fleet 1.0, scheduling.md §8.4).
Rule 2: a set of metadata that some unit asks for is remembered with the machines that have it.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from engine.inorder import InOrder
from units.machine import SHORT_ID_LENGTH, Machine

Asked = tuple[tuple[str, frozenset[str]], ...]
"""`Requirements.metadata`."""

MOST_CLASSES = 2000
SOME = 3
"""How many machines are named as examples."""


class Ranking:
    """Some machines, least loaded first."""

    def __init__(self, loads: Iterable[tuple[int, str]] = ()) -> None:
        self.order = InOrder(loads)
        self.ids = {id for _, id in self.order}
        self.outside: tuple[int, tuple[str, ...]] | None = None
        """How many machines are not among these, and the first few of those; None if not yet counted."""

    def add(self, load: int, id: str) -> None:
        """Put a machine in."""
        self.order.add((load, id))
        self.ids.add(id)

    def remove(self, load: int, id: str) -> None:
        """Take a machine out."""
        self.order.remove((load, id))
        self.ids.discard(id)

    def shift(self, load: int, by: int, id: str) -> None:
        """Move a machine to its place by a new load."""
        self.order.remove((load, id))
        self.order.add((load + by, id))


class Hosts:
    """The machines with their loads."""

    def __init__(self) -> None:
        self.machines: dict[str, Machine] = {}
        self.everywhere = Ranking()
        self._load: dict[str, int] = {}
        self._sorted: InOrder[str] = InOrder()
        self._short: dict[str, set[str]] = {}
        self._classes: dict[Asked, Ranking] = {}
        self._classes_of: dict[str, list[Ranking]] = {}

    def replace(self, changed: Mapping[str, Machine | None]) -> None:
        """Machines that have come, changed, or with None gone; their loads stay, and are 0 for new ones."""
        for id, machine in changed.items():
            if id in self.machines:
                self._drop(id)
            if machine is not None:
                self._add(machine)
        for ranking in self._classes.values():
            ranking.outside = None

    def load(self, id: str) -> int:
        """How many units are on a machine."""
        return self._load[id]

    def shift(self, id: str, by: int) -> None:
        """Count units on a machine, or with a negative number fewer."""
        load = self._load[id]
        self._load[id] = load + by
        self.everywhere.shift(load, by, id)
        for ranking in self._classes_of.get(id, ()):
            ranking.shift(load, by, id)

    def called(self, wanted: str) -> set[str]:
        """The machines that a `MachineID` names."""
        named = {wanted} if wanted in self.machines else set()
        return named | self._short.get(wanted, set())

    def with_metadata(self, asked: Asked) -> Ranking:
        """The machines that have these metadata."""
        if not asked:
            return self.everywhere
        if asked not in self._classes:
            if len(self._classes) >= MOST_CLASSES:
                self._classes, self._classes_of = {}, {}
            self._classes[asked] = Ranking((self._load[m.id], m.id) for m in self._having(asked))
            for id in self._classes[asked].ids:
                self._classes_of.setdefault(id, []).append(self._classes[asked])
        return self._classes[asked]

    def outside(self, ranking: Ranking) -> tuple[int, tuple[str, ...]]:
        """How many machines are not in a ranking, and the first few of those by ID."""
        if ranking.outside is None:
            others = (id for id in self._sorted if id not in ranking.ids)
            ranking.outside = (len(self.machines) - len(ranking.ids), tuple(islice(others, SOME)))
        return ranking.outside

    def in_order(self) -> Iterator[str]:
        """All machines, by ID."""
        return iter(self._sorted)

    def by_load(self, ids: Iterable[str]) -> list[str]:
        """Some machines, least loaded first; those that are not present are left out."""
        return sorted((id for id in ids if id in self._load), key=lambda id: (self._load[id], id))

    def _having(self, asked: Asked) -> Iterator[Machine]:
        for machine in self.machines.values():
            if all(machine.metadata.get(key) in allowed for key, allowed in asked):
                yield machine

    def _add(self, machine: Machine) -> None:
        id = machine.id
        load = self._load.setdefault(id, 0)
        self.machines[id] = machine
        self.everywhere.add(load, id)
        self._sorted.add(id)
        self._short.setdefault(id[:SHORT_ID_LENGTH], set()).add(id)
        for asked, ranking in self._classes.items():
            if all(machine.metadata.get(key) in allowed for key, allowed in asked):
                ranking.add(load, id)
                self._classes_of.setdefault(id, []).append(ranking)

    def _drop(self, id: str) -> None:
        load = self._load[id]
        del self.machines[id]
        self.everywhere.remove(load, id)
        self._sorted.remove(id)
        self._short[id[:SHORT_ID_LENGTH]].discard(id)
        for ranking in self._classes_of.pop(id, ()):
            ranking.remove(load, id)

    def forget(self, id: str) -> None:
        """Forget the load of a machine that is gone, and has nothing on it any more."""
        self._load.pop(id, None)
