"""The engine's whole judgement: a cluster in, decisions out.

Rule 1: nothing here reads a clock, a socket or a log.
Rule 2: the order of the input never changes the answer.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.caution import absence
from engine.cluster import Cluster
from engine.decisions import Decision, Unschedule
from engine.leave import Leaving
from engine.memory import Memory
from engine.residence import Residence
from engine.settle import Settlement
from engine.stuck import Stuck


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in this order, and what to remember once it is done."""

    decisions: tuple[Decision, ...]
    memory: Memory
    waiting: Mapping[str, str]
    """Units that want a place and have none, each with the reason."""
    doubted: frozenset[str]
    """Machines that are not there but whose units are not moved yet."""
    wake_at: float | None
    """When to plan again if nothing changes before, in seconds of the loop's clock."""


class Planner:
    """Makes plans, and keeps what it worked out for the last one.

    That only spares work: an answer depends on what is asked, never on what was asked before.
    """

    def __init__(self) -> None:
        self._residence = Residence()
        self._stuck = Stuck()

    def plan(self, cluster: Cluster, memory: Memory, *, now: float, grace: float) -> Plan:
        """See `plan`. Costs what has changed since the last cluster, not what there is."""
        residence = self._residence
        residence.update(cluster)
        away = absence(
            residence.needed,
            cluster.machines.keys(),
            memory.absent_since,
            memory.suspects,
            left=cluster.left,
            steady_since=memory.steady_since,
            now=now,
            grace=grace,
        )
        with residence.draft.sketch():
            leaving = tuple(residence.leaving())
            settlement = Settlement(residence, self._stuck, memory, now, away)
            arriving = tuple(settlement.settle(_unwanted(cluster, leaving)))
        self._stuck.keep_only(settlement.waiting, len(settlement.waiting))
        return Plan(
            decisions=(*leaving, *arriving),
            memory=settlement.memory,
            waiting=settlement.waiting,
            doubted=away.doubted,
            wake_at=min((t for t in (settlement.wake_at, away.until) if t is not None), default=None),
        )


def _unwanted(cluster: Cluster, leaving: Iterable[Leaving]) -> set[str]:
    """The units that leave and are not to be anywhere else."""
    names = {one.name for one in leaving if isinstance(one, Unschedule)}
    units = ((name, cluster.units.get(name)) for name in names)
    return {name for name, unit in units if unit is None or unit.is_global or not unit.desired.is_placed}


def plan(cluster: Cluster, memory: Memory, *, now: float, grace: float) -> Plan:
    """The decisions that bring the schedule one step nearer to rest; none when it is at rest.

    `now` is in seconds of the event loop's clock, `grace` is for how many seconds the sudden absence of
    many machines is doubted.
    """
    return Planner().plan(cluster, memory, now=now, grace=grace)
