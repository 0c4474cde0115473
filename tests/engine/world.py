"""Words for tests in which plans come true at once."""

from engine.cluster import Cluster
from engine.decisions import Decision
from engine.memory import Memory
from engine.plan import Plan
from engine.rehearsal import Answer, carried_out, to_rest, willing

__all__ = ["Answer", "at_rest", "carried_out", "willing"]


def at_rest(
    cluster: Cluster, memory: Memory | None = None, *, answer: Answer = willing, now: float = 0.0
) -> tuple[Cluster, Plan, list[Decision]]:
    """Where a cluster comes to rest, the last plan, and all decisions on the way."""
    course = to_rest(cluster, memory, answer=answer, now=now)
    assert len(course.passes) <= 60
    return course.end, course.last, course.decisions
