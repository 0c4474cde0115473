"""Who stays where, kept from one picture to the next: only what a change can touch is judged again.

Rule 1: what this holds depends on the last cluster alone, never on how it came about. A machine is judged
        as a whole: its residents depend on each other, and on nobody elsewhere.
Rule 2: a unit that comes to, or goes from, a machine where nothing else can change by it is put there, or
        taken away, without a look at the others.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from engine.cluster import Cluster, Unit
from engine.decisions import Unschedule
from engine.differences import changed
from engine.draft import Draft
from engine.leave import Leaving, amended, judged, no_longer_ordinary, ownerless, unable, why_leave
from engine.order import Order, Rank
from engine.queue import Queue
from engine.setbacks import Hindered, Hindrance
from units.placement import global_objection
from units.requirements import EMPTY


@dataclass(frozen=True, slots=True)
class Differences:
    """Names of units, and IDs of machines, of which something is not as it was."""

    units: set[str]
    unreadable: frozenset[str]
    rows: set[str]
    """Units whose row of the schedule has changed."""
    machines: set[str]
    reports: set[str]
    """Units of which some host says something new."""

    @classmethod
    def between(cls, old: Cluster, new: Cluster) -> "Differences":
        """All that is different for who stays where."""
        return cls(
            units=changed(old.units, new.units),
            unreadable=old.unreadable ^ new.unreadable,
            rows=changed(old.schedule, new.schedule),
            machines=changed(old.machines, new.machines),
            reports=changed(old.reports, new.reports),
        )


class Residence:
    """The first half of all plans, and the draft that it leaves to the second half."""

    def __init__(self) -> None:
        self.cluster = Cluster()
        self.draft = Draft()
        self.order = Order()
        self.homeless = Queue()
        """Units that want a place and have none on a machine that is present."""
        self.hindered = Hindered()
        self.version = 0
        """Counts the updates that have changed anything."""
        self._on: defaultdict[str, set[str]] = defaultdict(set)
        self._globals: set[str] = set()
        self._several: set[str] = set()
        self._troubled: set[str] = set()
        """Machines on which somebody may not stay, or a global unit may not come."""
        self._decided: dict[str, tuple[Leaving, ...]] = {}
        self._pushed: dict[str, dict[str, str]] = {}
        """By machine, the residents that others there push off, each with the one that does."""

    @property
    def needed(self) -> list[str]:
        """The machines, present or not, that are on the schedule of some unit."""
        return [machine for machine, names in self._on.items() if names]

    def update(self, cluster: Cluster) -> None:
        """Judge again what is not as it was."""
        old, self.cluster = self.cluster, cluster
        found = Differences.between(old, cluster)
        self.version += bool(found.units or found.unreadable or found.rows or found.machines)
        touched = found.units | found.unreadable | self._reordered(found.units)
        dirty = self._dirty(old, found, touched)
        plain = self._plain_changes(old, found, touched, dirty)
        easy = {name for name, machine in plain if self._moved_easily(name, machine, dirty)}
        self._spread(dirty)
        self._judge(found, dirty, (touched | found.rows) - easy)
        self.hindered.update(cluster, found.units | found.rows | found.reports)
        self._find_pushed(dirty | {machine for _, machine in plain})

    def leaving(self) -> Iterator[Leaving]:
        """The decisions about those who have a place, in order."""
        units = self.cluster.units
        for name in sorted(name for name in self._decided if name not in units):
            yield from self._decided[name]
        for _, _, name in sorted(self.order.rank(name) for name in self._decided if name in units):
            yield from self._decided[name]

    def pushed(self) -> dict[str, Hindrance]:
        """Who is pushed off a machine, and why: by somebody who is not himself pushed off."""
        rows = [(self.order.rank(n), m, by) for m, pushed in self._pushed.items() for n, by in pushed.items()]
        found: dict[str, Hindrance] = {}
        for (_, _, name), machine, other in sorted(rows):
            if other not in found:
                found[name] = machine, f"found replace with locally-scheduled Unit({other})"
        return found

    def following(self, name: str, machine: str) -> Iterator[Unschedule]:
        """Take off all who follow a unit that leaves a machine. Call it in a sketch, and to its end."""
        for fan in sorted(self.order.fans(name)):
            if fan in self.draft.residents_of(machine):
                self.draft.take(fan, machine)
                said = f"required peer Unit({name}) is not scheduled locally"
                yield Unschedule(fan, machine, unable(machine, said))
                yield from self.following(fan, machine)

    # What a change touches

    def _reordered(self, names: Iterable[str]) -> set[str]:
        moved: set[str] = set()
        for name in names:
            unit = self.cluster.units.get(name)
            self._globals.discard(name)
            if unit is not None and unit.is_global:
                self._globals.add(name)
            moved |= self.order.follow(name, () if unit is None or unit.is_global else unit.wants.machine_of)
        return moved

    def _dirty(self, old: Cluster, found: Differences, touched: set[str]) -> set[str]:
        """The machines that have to be judged again because of more than who is scheduled there."""
        dirty = set(found.machines)
        for name in touched:
            dirty |= old.schedule.get(name, {}).keys() | self.cluster.schedule.get(name, {}).keys()
            if _is_global(old.units.get(name)) or _is_global(self.cluster.units.get(name)):
                dirty |= self.cluster.machines.keys()
        return dirty

    def _plain_changes(
        self, old: Cluster, found: Differences, touched: set[str], dirty: set[str]
    ) -> list[tuple[str, str]]:
        """Ordinary units that have got their only place, or lost it. All other rows make machines dirty."""
        plain = []
        for name in found.rows:
            before, after = old.schedule.get(name, {}), self.cluster.schedule.get(name, {})
            for machine in before.keys() - after.keys():
                self._on[machine].discard(name)
            for machine in after.keys() - before.keys():
                self._on[machine].add(name)
            (self._several.add if len(after) > 1 else self._several.discard)(name)
            places = [*before, *after]
            if len(places) == 1 and name not in touched and self._is_ordinary(name):
                plain.append((self.order.rank(name), places[0]))
            else:
                dirty |= set(places)
        return [(rank[2], machine) for rank, machine in sorted(plain)]

    def _is_ordinary(self, name: str) -> bool:
        unit = self.cluster.units.get(name)
        return unit is not None and not unit.is_global

    def _moved_easily(self, name: str, machine: str, dirty: set[str]) -> bool:
        """Move one unit where that changes nothing for the others; else the machine becomes dirty."""
        if machine in dirty:
            return False
        if machine not in self.draft.machines:
            return False
        done = machine not in self._troubled and (
            self._comes_easily(name, machine)
            if machine in self.cluster.schedule.get(name, ())
            else self._goes_easily(name, machine)
        )
        if not done:
            dirty.add(machine)
        return done

    def _comes_easily(self, name: str, machine: str) -> bool:
        unit = self.cluster.units[name]
        if why_leave(self.cluster, self.draft, self.order, unit, machine) is not None:
            return False
        self.draft.put(name, unit.wants, machine)
        self.homeless.leave(name)
        self._decide(name, amended(unit, self.cluster.schedule[name][machine]))
        return True

    def _goes_easily(self, name: str, machine: str) -> bool:
        unit = self.cluster.units[name]
        there = self.draft.residents_of(machine)
        if name not in there or any(fan in there for fan in self.order.fans(name)):
            return False
        self.draft.take(name, machine)
        self._decide(name, ())
        if unit.desired.is_placed:
            self.homeless.join(name, self.order.rank(name))
        return True

    def _spread(self, dirty: set[str]) -> None:
        """A unit on several machines makes what becomes of them depend on each other."""
        rows = [self.cluster.schedule[name].keys() for name in self._several]
        while more := {m for row in rows if not row.isdisjoint(dirty) for m in row} - dirty:
            dirty |= more

    # Judging

    def _judge(self, found: Differences, dirty: set[str], names: set[str]) -> None:
        for machine in dirty:
            self.draft.clear(machine)
        self.draft.replace({id: self.cluster.machines.get(id) for id in found.machines})
        self._troubled -= dirty
        live = {machine for machine in dirty if machine in self.draft.machines}
        names = names.union(*(self._on[m] for m in dirty), self._globals if live else ())
        for name in names & self.cluster.unreadable:
            for machine in live & self.cluster.schedule.get(name, {}).keys():
                self.draft.put(name, EMPTY, machine)
        for _, _, name in sorted(map(self.order.rank, names)):
            self._judge_one(name, live)

    def _judge_one(self, name: str, live: set[str]) -> None:
        unit = self.cluster.units.get(name)
        self.homeless.leave(name)
        if unit is None:
            known = name in self.cluster.unreadable
            self._decide(name, () if known else ownerless(self.cluster, name))
        elif unit.is_global:
            self._decide(name, no_longer_ordinary(self.cluster, name))
            if unit.desired.is_placed:
                self._spread_out(unit, live)
        else:
            self._decide(name, judged(self.cluster, self.draft, self.order, unit))
            if unit.desired.is_placed and not self.draft.places(name):
                self.homeless.join(name, self.order.rank(name))

    def _spread_out(self, unit: Unit, live: set[str]) -> None:
        """Put a global unit wherever its metadata fit and it conflicts with nobody (scheduling.md §6.1)."""
        for machine in live & self.draft.hosts.with_metadata(unit.wants.metadata).ids:
            there = self.draft.residents_of(machine)
            if global_objection(unit.name, unit.wants, self.draft.machines[machine], there) is None:
                self.draft.put(unit.name, unit.wants, machine)
            else:
                self._troubled.add(machine)

    def _decide(self, name: str, decisions: Iterable[Leaving]) -> None:
        made = tuple(decisions)
        self._troubled.update(one.machine for one in made if isinstance(one, Unschedule))
        if made:
            self._decided[name] = made
        else:
            self._decided.pop(name, None)

    def _find_pushed(self, machines: Iterable[str]) -> None:
        for machine in machines:
            self._pushed.pop(machine, None)
            if machine in self.draft.machines and self.draft.has_replacers(machine):
                units = [self.cluster.units.get(name) for name in self.draft.residents(machine)]
                pushed = {u.name: by for u in units if u and (by := self._pusher(u, machine))}
                if pushed:
                    self._pushed[machine] = pushed

    def _pusher(self, unit: Unit, machine: str) -> str | None:
        return None if unit.is_global else self.draft.replacer(unit.name, unit.wants, machine)


def ranked(*parts: Iterable[Rank]) -> list[Rank]:
    """Ranks of several parts in one order."""
    return sorted(rank for part in parts for rank in part)


def _is_global(unit: Unit | None) -> bool:
    return unit is not None and unit.is_global
