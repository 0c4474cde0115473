"""Whether machines that are not there are really gone.

When one host dies, its units move at once. When many vanish in the same moment, it is more likely that the
engine or the store has lost sight of them: etcd was away for longer than their leases, or a switch is down.
Fleet 1.0 moved everything to the first host that came back. This engine waits for one more `agent_ttl`, and
then moves their units at a bounded rate, so that the machines that are left are not run over.

When the store has just been away, every host had to find it again, and one that is not there may only be
slower: then a single loss is doubted, too. etcd v3 gives all leases their whole time again when it is back,
so the slow ones end one `agent_ttl` later; in v2 they are gone when it comes back.

A host that leaves in order says so: it is never doubted.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

MANY = 2
SHARE = 1 / 3
"""At least this many machines, and more than this share of all, make a loss that is doubted first."""

UNSETTLED = 2
"""For so many times the grace after the store was away no loss is believed at once."""

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
    left: Collection[str] = (),
    steady_since: float,
    now: float,
    grace: float,
) -> Absence:
    """What to think of the machines that have units (`needed`) but are not present.

    `left` are those that said good-bye. `grace` is in seconds; `steady_since` is when the store was
    last away, as this engine saw it.
    """
    since = {m: before.get(m, now) for m in sorted(m for m in needed if m not in present)}
    missed = {m: when for m, when in since.items() if m not in left}
    recent = {m for m, when in missed.items() if now < when + grace}
    many = len(missed) >= MANY and len(missed) > (len(missed) + len(present)) * SHARE
    settled = steady_since + UNSETTLED * grace
    doubted = frozenset(m for m in recent if many or since[m] < settled)
    until = min((since[m] + grace for m in doubted), default=None)
    return Absence(since, doubted, doubted | (missed.keys() & suspects), until)
