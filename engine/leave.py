"""The first half of a plan: who has to leave, and who stays.

Rule 1: who may stay stays. There is no rebalancing (fleet 1.0, scheduling.md §8.3).
Rule 2: units are looked at in one fixed order (engine.order), so of two that cannot be together the first
        name stays; agents decide about global units the same way.
Rule 3: a unit whose machine is away leaves it only for another one: if the machine comes back first, it
        finds its units still its own, and need not stop what nobody else runs.
Rule 4: about a unit that cannot be read nothing is decided.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from engine.cluster import Cluster, Unit
from engine.decisions import Amend, Unschedule
from engine.draft import Draft
from engine.order import Order
from registry.records import ScheduleEntry
from units.requirements import Requirements

Leaving = Unschedule | Amend


def ownerless(cluster: Cluster, name: str) -> Iterator[Leaving]:
    """What becomes of the places of a unit that no longer is."""
    for machine in sorted(cluster.schedule.get(name, ())):
        yield Unschedule(name, machine, "unit destroyed")


def no_longer_ordinary(cluster: Cluster, name: str) -> Iterator[Leaving]:
    """What becomes of the places of a unit that has become a global one."""
    for machine in sorted(cluster.schedule.get(name, ())):
        yield Unschedule(name, machine, "unit has become global")


def judged(cluster: Cluster, draft: Draft, order: Order, unit: Unit) -> Iterator[Leaving]:
    """Decide about all the places of an ordinary unit, and put it into the draft where it stays."""
    has_place = False
    for machine, entry in _present_first(cluster.schedule.get(unit.name, {}), draft):
        reason = "unit has another machine already" if has_place else None
        reason = reason or why_leave(cluster, draft, order, unit, machine)
        if reason is not None:
            yield Unschedule(unit.name, machine, reason)
        elif machine in draft.machines:
            has_place = True
            draft.put(unit.name, unit.wants, machine)
            yield from amended(unit, entry)


def why_leave(cluster: Cluster, draft: Draft, order: Order, unit: Unit, machine: str) -> str | None:
    """Why a unit cannot stay where it is, beside those in the draft, or None when it can."""
    if not unit.desired.is_placed:
        return "target state inactive"
    if machine not in draft.machines:
        return None
    wants = _without_settled_circles(cluster, order, unit, machine)
    if said := draft.objection(unit.name, wants, machine):
        return unable(machine, said)
    return None


def amended(unit: Unit, entry: ScheduleEntry) -> Iterator[Leaving]:
    """What has to be told to the machine on which a unit stays."""
    if entry.hash != unit.hash:
        yield Amend(replace(entry, hash=unit.hash, desired=unit.desired), "unit has new content")
    elif entry.desired is not unit.desired:
        yield Amend(replace(entry, desired=unit.desired), f"target state {unit.desired}")


def unable(machine: str, said: str) -> str:
    """Why a unit leaves a machine that it may not be on, in the words of fleet 1.0 (scheduling.md §8.3)."""
    return f"target Machine({machine}) unable to run unit: {said}"


def _present_first(places: Mapping[str, ScheduleEntry], draft: Draft) -> list[tuple[str, ScheduleEntry]]:
    return sorted(places.items(), key=lambda place: (place[0] not in draft.machines, place[0]))


def _without_settled_circles(cluster: Cluster, order: Order, unit: Unit, machine: str) -> Requirements:
    """A unit in a circle of followers may stay where the others are, also those later in the order."""
    rank = order.rank(unit.name) if unit.wants.machine_of else None
    there = {
        peer
        for peer in unit.wants.machine_of
        if peer in cluster.units
        and order.rank(peer) >= rank  # type: ignore[operator]  # there is one, where there are peers
        and cluster.units[peer].desired.is_placed
        and machine in cluster.schedule.get(peer, ())
    }
    if not there:
        return unit.wants
    return replace(unit.wants, machine_of=tuple(p for p in unit.wants.machine_of if p not in there))
