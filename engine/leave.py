"""The first half of a plan: who has to leave, and who stays.

Rule 1: who may stay stays. There is no rebalancing (fleet 1.0, scheduling.md §8.3).
Rule 2: units are looked at in one fixed order, peers before their followers and otherwise by name, so of
        two that cannot be together the first name stays; agents decide about global units the same way.
Rule 3: a unit whose machine is away leaves it only for another one: if the machine comes back first, it
        finds its units still its own, and need not stop what nobody else runs.
Rule 4: about a unit that cannot be read nothing is decided.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from engine.cluster import Cluster, Unit
from engine.decisions import Amend, Unschedule
from engine.draft import Draft
from registry.records import ScheduleEntry
from units.requirements import EMPTY, Requirements

Leaving = Unschedule | Amend


def peers_first(units: Mapping[str, Unit]) -> tuple[str, ...]:
    """All names in order, but each after the units it follows; where units follow in a circle, by name."""
    done: dict[str, None] = {}
    for start in sorted(units):
        branch = [start]
        on_branch = {start}
        while branch:
            name = branch[-1]
            wants = units[name].wants.machine_of
            open_peers = [p for p in wants if p in units and p not in done and p not in on_branch]
            if open_peers:
                branch.append(open_peers[0])
                on_branch.add(open_peers[0])
            else:
                done.setdefault(branch.pop())
    return tuple(done)


def leave(cluster: Cluster, draft: Draft, order: Collection[str]) -> Iterator[Leaving]:
    """Decide about every unit that has a place, and put into the draft who stays."""
    yield from _ownerless(cluster)
    _keep_unreadable(cluster, draft)
    visited: set[str] = set()
    for name in order:
        unit = cluster.units[name]
        visited.add(name)
        if unit.is_global:
            if unit.desired.is_placed:
                draft.put_global(unit)
            yield from _no_longer_ordinary(cluster, unit)
        else:
            yield from _ordinary(cluster, draft, unit, visited)
    yield from _pushed_off(cluster, draft, order)


def _ownerless(cluster: Cluster) -> Iterator[Leaving]:
    for name in sorted(cluster.schedule):
        if name not in cluster.units and name not in cluster.unreadable:
            for machine in sorted(cluster.schedule[name]):
                yield Unschedule(name, machine, "unit destroyed")


def _keep_unreadable(cluster: Cluster, draft: Draft) -> None:
    for name in sorted(cluster.unreadable):
        for machine in cluster.schedule.get(name, {}):
            if machine in draft.machines:
                draft.put(name, EMPTY, machine)


def _no_longer_ordinary(cluster: Cluster, unit: Unit) -> Iterator[Leaving]:
    for machine in sorted(cluster.schedule.get(unit.name, {})):
        yield Unschedule(unit.name, machine, "unit has become global")


def _ordinary(cluster: Cluster, draft: Draft, unit: Unit, visited: Collection[str]) -> Iterator[Leaving]:
    has_place = False
    for machine, entry in _present_first(cluster.schedule.get(unit.name, {}), draft):
        reason = "unit has another machine already" if has_place else None
        reason = reason or _why_leave(cluster, draft, unit, machine, visited)
        if reason is not None:
            yield Unschedule(unit.name, machine, reason)
        elif machine in draft.machines:
            has_place = True
            draft.put(unit.name, unit.wants, machine)
            yield from _amended(unit, entry)


def _present_first(places: Mapping[str, ScheduleEntry], draft: Draft) -> list[tuple[str, ScheduleEntry]]:
    return sorted(places.items(), key=lambda place: (place[0] not in draft.machines, place[0]))


def _why_leave(
    cluster: Cluster, draft: Draft, unit: Unit, machine: str, visited: Collection[str]
) -> str | None:
    if not unit.desired.is_placed:
        return "target state inactive"
    if machine not in draft.machines:
        return None
    wants = _without_settled_circles(cluster, unit.wants, machine, visited, unit.name)
    if said := draft.objection(unit.name, wants, machine):
        return f"target Machine({machine}) unable to run unit: {said}"
    return None


def _without_settled_circles(
    cluster: Cluster, wants: Requirements, machine: str, visited: Collection[str], name: str
) -> Requirements:
    """A unit in a circle of followers may stay where the others are, also those later in the order."""
    later = {p for p in wants.machine_of if p == name or p not in visited}
    if not later:
        return wants
    there = {p for p in later if machine in cluster.schedule.get(p, {})}
    return replace(wants, machine_of=tuple(p for p in wants.machine_of if p not in there))


def _amended(unit: Unit, entry: ScheduleEntry) -> Iterator[Leaving]:
    if entry.hash != unit.hash:
        yield Amend(replace(entry, hash=unit.hash, desired=unit.desired), "unit has new content")
    elif entry.desired is not unit.desired:
        yield Amend(replace(entry, desired=unit.desired), f"target state {unit.desired}")


def _pushed_off(cluster: Cluster, draft: Draft, order: Collection[str]) -> Iterator[Leaving]:
    """Units that a `Replaces` pushes off their machine, if there is another machine for them."""
    for name in order:
        unit = cluster.units[name]
        for machine in sorted(draft.places(name)) if not unit.is_global else ():
            other = draft.replacer(name, unit.wants, machine)
            if other is not None and _has_refuge(draft, unit, machine):
                draft.take(name, machine)
                said = f"found replace with locally-scheduled Unit({other})"
                yield Unschedule(name, machine, f"target Machine({machine}) unable to run unit: {said}")


def _has_refuge(draft: Draft, unit: Unit, machine: str) -> bool:
    return any(
        other != machine
        and draft.objection(unit.name, unit.wants, other) is None
        and draft.replacer(unit.name, unit.wants, other) is None
        for other in draft.by_load(unit.wants)
    )
