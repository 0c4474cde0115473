"""Whether machines that are not there are really gone.

When one host dies, its units move at once. When many vanish in the same moment, it is more likely that the
engine or the store has lost sight of them: etcd was away for longer than their leases, or a switch is down.
Fleet 1.0 moved everything to the first host that came back. This engine waits for one more `agent_ttl`, and
then moves their units at a bounded rate, so that the machines that are left are not run over.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

MANY = 2
SHARE = 1 / 3
"""At least this many machines, and more than this share of all, make a loss that is doubted first."""

MOVES_PER_MACHINE = 2
"""So many units of a doubted loss at most move in a second, for each machine that is present."""


@dataclass(frozen=True, slots=True)
class Absence:
    """Which machines with units are not there, since when, and which of them are still waited for."""

    since: Mapping[str, float]
    doubted: frozenset[str]
    suspects: frozenset[str]
    """Those that are doubted, or were and never came back: their units move slowly."""
    until: float | None
    """When the next doubt ends, in seconds of the loop's clock."""


def absence(
    needed: Collection[str],
    present: Collection[str],
    before: Mapping[str, float],
    suspects: Collection[str] = (),
    *,
    now: float,
    grace: float,
) -> Absence:
    """What to think of the machines that have units (`needed`) but are not present. `grace` is in seconds."""
    since = {m: before.get(m, now) for m in sorted(m for m in needed if m not in present)}
    recent = {m for m, when in since.items() if now < when + grace}
    known = len(since) + len(present)
    many = len(since) >= MANY and len(since) > known * SHARE
    doubted = frozenset(recent) if many else frozenset()
    until = min((since[m] + grace for m in doubted), default=None)
    return Absence(since, doubted, doubted | (since.keys() & suspects), until)
