"""Which machines each constraint of a unit rules out: what a unit that waits is told.

Rule 1: a machine counts for the first constraint that it fails, in the order of `units.placement.RULES`,
        so the counts add up.
Rule 2: this never looks at all machines: it counts in the indexes, and names a few as examples.
"""

from collections.abc import Mapping, Set
from heapq import nsmallest
from itertools import islice

from engine.auction import BID_WINDOW
from engine.draft import FEW, Draft
from engine.hosts import SOME
from engine.memory import Refusal
from registry.records import RuledOut
from units.placement import first_objection
from units.requirements import Requirements

REASONS = 5
"""So many different refusals of machines are told."""


class Sieve:
    """Takes away machines, constraint by constraint."""

    def __init__(self, draft: Draft, name: str, wants: Requirements) -> None:
        self._draft = draft
        self._name = name
        self._wants = wants
        self._left: Set[str] = draft.hosts.everywhere.ids
        self.out: list[RuledOut] = []
        hosts = draft.hosts
        if wants.machine_id is not None:
            self._keep("MachineID", hosts.called(wants.machine_id))
        if wants.metadata:
            self._keep_fitting()
        if wants.machine_of:
            places = [set(draft.places(peer)) for peer in wants.machine_of]
            self._keep("MachineOf", set.intersection(*places))
        self._drop("Conflicts", draft.conflicting(name, wants) & self._left)

    def hosts_say(self, silent: Mapping[str, float], refusals: Mapping[str, Refusal], now: float) -> None:
        """Take away those who gave no answer, or a refusal that still counts."""
        self._drop("silence", silent.keys() & self._left, f"no answer to an offer within {BID_WINDOW:g} s")
        reasons: dict[str, set[str]] = {}
        for machine, refusal in refusals.items():
            if machine in self._left and refusal.until > now:
                reasons.setdefault(refusal.reason, set()).add(machine)
        for reason in sorted(reasons, key=lambda reason: (-len(reasons[reason]), reason))[:REASONS]:
            self._drop("refusal", reasons[reason], reason)

    def rules_say(self) -> None:
        """Take away those to which a rule objects that has no index. Looks at each machine that is left."""
        found: dict[str, set[str]] = {}
        for machine in self._left:
            there = self._draft.residents_of(machine)
            said = first_objection(self._name, self._wants, self._draft.machines[machine], there)
            if said is not None:
                found.setdefault(said[0], set()).add(machine)
        for constraint in sorted(found):
            self._drop(constraint, found[constraint])

    def _keep_fitting(self) -> None:
        fit = self._draft.hosts.with_metadata(self._wants.metadata)
        if self._left is not self._draft.hosts.everywhere.ids:
            self._keep("MachineMetadata", fit.ids)
            return
        count, some = self._draft.hosts.outside(fit)
        self._left = fit.ids
        self._note("MachineMetadata", count, some)

    def _keep(self, constraint: str, kept: Set[str]) -> None:
        left, self._left = self._left, self._left & kept
        others = (id for id in self._draft.hosts.in_order() if id in left and id not in kept)
        count = len(left) - len(self._left)
        self._note(constraint, count, tuple(islice(others, min(SOME, count))))

    def _drop(self, constraint: str, dropped: Set[str], said: str | None = None) -> None:
        if dropped:
            self._left = self._left - dropped if len(dropped) < len(self._left) else frozenset()
            self._note(constraint, len(dropped), self._first_of(dropped), said)

    def _first_of(self, machines: Set[str]) -> tuple[str, ...]:
        if len(machines) <= FEW:
            return tuple(nsmallest(SOME, machines))
        return tuple(islice((id for id in self._draft.hosts.in_order() if id in machines), SOME))

    def _note(self, constraint: str, count: int, some: tuple[str, ...], said: str | None = None) -> None:
        if count:
            said = said or self._draft.objection(self._name, self._wants, some[0]) or ""
            self.out.append(RuledOut(constraint, count, some, said))


def sentence(machines: int, out: list[RuledOut]) -> str:
    """Why nothing is left, for an operator."""
    if not machines:
        return "no machine is present"
    parts = "; ".join(f"{one.machines} by {one.constraint}: {one.said}" for one in out)
    return f"none of {machines} machines qualifies ({parts})"
