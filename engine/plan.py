"""The engine's whole judgement: a cluster in, decisions out.

Rule 1: nothing here reads a clock, a socket or a log.
Rule 2: the order of the input never changes the answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.caution import absence
from engine.cluster import Cluster
from engine.decisions import Decision
from engine.draft import Draft
from engine.leave import leave, peers_first
from engine.memory import Memory
from engine.settle import Settlement


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


def plan(cluster: Cluster, memory: Memory, *, now: float, grace: float) -> Plan:
    """The decisions that bring the schedule one step nearer to rest; none when it is at rest.

    `now` is in seconds of the event loop's clock, `grace` is for how many seconds the sudden absence of
    many machines is doubted.
    """
    needed = {machine for places in cluster.schedule.values() for machine in places}
    away = absence(needed, cluster.machines.keys(), memory.absent_since, now=now, grace=grace)
    draft = Draft(cluster.machines)
    order = peers_first(cluster.units)
    leaving = tuple(leave(cluster, draft, order))
    settlement = Settlement(cluster, draft, memory, now, held=away.doubted)
    arriving = tuple(settlement.settle(order))
    return Plan(
        decisions=leaving + arriving,
        memory=replace(settlement.memory, absent_since=away.since),
        waiting=settlement.waiting,
        doubted=away.doubted,
        wake_at=min((t for t in (settlement.wake_at, away.until) if t is not None), default=None),
    )
