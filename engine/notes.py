"""Whom not to ask for now: machines that refused a unit, and machines that answer nobody."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from functools import cached_property

from engine.auction import Outcome
from engine.memory import Memory, Refusal
from registry.records import Answer, Bid

FIRST_PAUSE = 1.0
"""Seconds until a machine that refused a unit is asked about it again; doubled with each further refusal."""

LONGEST_PAUSE = 30.0

SILENCE = 5.0
"""Seconds for which nothing is offered to a machine that let a bid window pass."""

ANSWERS = 10
"""So many refusals of earlier rounds at most are told."""


class Notes:
    """The notes of one plan, begun with those of the memory."""

    def __init__(self, memory: Memory, now: float, bids: Mapping[str, Mapping[str, Bid]]) -> None:
        """`bids` are all that stand, by unit name and machine ID; `now` is in seconds of the loop's clock."""
        self._now = now
        self._auctions = memory.auctions
        self._bids = bids
        self.refusals = dict(memory.refusals)
        """By unit name, then machine ID. The inner tables are never changed."""
        self.silent = {m: until for m, until in memory.silent.items() if until > now}
        """Machines, and until when nothing is offered to them."""

    def avoids(self, name: str, machine: str) -> bool:
        """Whether a machine is not asked about a unit now."""
        if machine in self.silent:
            return True
        refusal = self.refusals.get(name, {}).get(machine)
        return refusal is not None and refusal.until > self._now

    def remember(self, name: str, outcome: Outcome) -> None:
        """Note who refused and who kept silent, so that others are asked next."""
        before = self.refusals.get(name, {})
        noted = dict(before)
        for machine, reason in outcome.refused.items():
            times = before[machine].times + 1 if machine in before else 1
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (times - 1))
            noted[machine] = Refusal(reason, self._now + pause, times)
        if noted:
            self.refusals[name] = noted
        silent = (machine for machine in outcome.silent if machine not in self._answering)
        self.silent.update(dict.fromkeys(silent, self._now + SILENCE))

    def answers(self, name: str, but: Collection[str] = ()) -> tuple[Answer, ...]:
        """The refusals of a unit so far, of all machines but some."""
        refusals = sorted((m, r.reason) for m, r in self.refusals.get(name, {}).items() if m not in but)
        return tuple(Answer(machine, refusal=reason) for machine, reason in refusals[:ANSWERS])

    def forget(self, name: str) -> None:
        """Forget who refused a unit."""
        self.refusals.pop(name, None)

    def keep_only(self, needed: Callable[[str], bool]) -> None:
        """Forget the refusals of all units that need no place."""
        for name in [name for name in self.refusals if not needed(name)]:
            del self.refusals[name]

    def ends(self, waiting: Iterable[str]) -> Iterator[float]:
        """When machines may be asked again about these units."""
        for name in waiting:
            yield from (refusal.until for refusal in self.refusals.get(name, {}).values())
        if waiting:
            yield from self.silent.values()

    @cached_property
    def _answering(self) -> Set[str]:
        """Machines that have answered an open round: they may have much to answer, but they do not hang."""
        rounds = ((a.id, self._bids.get(a.name, {})) for a in self._auctions.values())
        return {machine for id, bids in rounds for machine, bid in bids.items() if bid.offer == id}
