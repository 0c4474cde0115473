"""What would happen if: the real planner on a cluster that is only thought of.

Rule 1: agents are taken to be willing, and every step to succeed at once. What a host would refuse for
        reasons of its own is not known here.
Rule 2: what a cluster is busy with already comes to rest first; the answer shows the change alone.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from engine.cluster import Cluster, Unit
from engine.decisions import Unschedule
from engine.rehearsal import Course, to_rest
from engine.residence import Residence
from units.machine import Machine
from units.state import TargetState


@dataclass(frozen=True, slots=True)
class Move:
    """A unit that has another place than before. None is no place."""

    name: str
    source: str | None
    target: str | None
    reason: str
    """Why it leaves its place; empty for a unit that had none."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where everything would be."""

    moves: tuple[Move, ...]
    """By name: what would start (no source), move, or stop (no target)."""
    everywhere: Mapping[str, tuple[str, ...]]
    """Global units whose machines would be others than before, and the machines they would run on."""
    waiting: Mapping[str, str]
    """Units that would have no place because of the change, with the reasons."""
    waiting_anyway: Mapping[str, str]
    """Units that have none as it is."""

    @property
    def has_place_for_all(self) -> bool:
        """Whether nothing would be left without a place by the change."""
        return not self.waiting


def what_if(
    cluster: Cluster,
    *,
    start: Iterable[Unit] = (),
    stop: Collection[str] = (),
    lose: Collection[str] = (),
    add: Iterable[Machine] = (),
) -> Outcome:
    """What would become of a cluster with these units started (or replaced), these stopped, and machines
    lost and added. Units and machines that are not there cannot be stopped or lost: KeyError.
    """
    started = {unit.name: unit for unit in start}
    before = to_rest(_at_peace(cluster), grace=0.0)
    after = to_rest(_changed(before.end, started, stop, lose, add), grace=0.0)
    anyway = {
        n: why for n, why in after.last.waiting.items() if n in before.last.waiting and n not in started
    }
    ran, runs = _global_places(before.end), _global_places(after.end)
    return Outcome(
        moves=tuple(_moves(before.end, after)),
        everywhere={n: runs[n] for n in sorted(runs) if runs[n] != ran.get(n)},
        waiting={n: why for n, why in after.last.waiting.items() if n not in anyway},
        waiting_anyway=anyway,
    )


def _at_peace(cluster: Cluster) -> Cluster:
    """Without the auctions of the engine that leads: here they begin anew."""
    return replace(cluster, offers={}, bids={})


def _changed(
    cluster: Cluster,
    start: Mapping[str, Unit],
    stop: Collection[str],
    lose: Collection[str],
    add: Iterable[Machine],
) -> Cluster:
    units, machines = dict(cluster.units), dict(cluster.machines)
    for name in stop:
        units[name] = replace(units[name], desired=TargetState.INACTIVE)
    units.update(start)
    for id in lose:
        del machines[id]
    machines.update((machine.id, machine) for machine in add)
    return replace(cluster, units=units, machines=machines)


def _moves(before: Cluster, after: Course) -> Iterable[Move]:
    reasons = {d.name: d.reason for d in after.decisions if isinstance(d, Unschedule)}
    for name in sorted(before.schedule.keys() | after.end.schedule.keys()):
        source, target = _place(before, name), _place(after.end, name)
        if source == target and source in before.machines and source not in after.end.machines:
            yield Move(name, source, None, f"target Machine({source}) went away")
        elif source != target:
            yield Move(name, source, target, reasons.get(name, "") if source else "")


def _place(cluster: Cluster, name: str) -> str | None:
    return min(cluster.schedule.get(name, ()), default=None)


def _global_places(cluster: Cluster) -> dict[str, tuple[str, ...]]:
    residence = Residence()
    residence.update(cluster)
    names = (name for name, unit in cluster.units.items() if unit.is_global)
    return {name: tuple(sorted(residence.draft.places(name))) for name in names}
