"""When something that failed is tried again: soon at first, then ever later."""

from dataclasses import dataclass

FIRST, LONGEST = 0.5, 30.0
"""Seconds."""


def pause(failures: int) -> float:
    """Seconds to wait after so many failures in a row, the first being 1."""
    return float(min(FIRST * 2 ** min(failures - 1, 16), LONGEST))


@dataclass(frozen=True, slots=True)
class Failure:
    """What was tried in vain, how often, and when (by the event loop's clock) it is tried again."""

    goal: object
    count: int
    again_at: float


def after(before: Failure | None, goal: object, now: float) -> Failure:
    """The failure that follows; towards another goal counting begins anew."""
    count = before.count + 1 if before and before.goal == goal else 1
    return Failure(goal, count, now + pause(count))
