"""The second half of a plan: who gets a place, by offer, bid and award.

Rule 1: a unit that still runs on a host that is present gets no other place until that host has stopped it.
Rule 2: units are looked at in the order of the first half; each sees the places of those before it, also
        those that are only likely because their auction is still open.
Rule 3: a unit without a place always has its reason.
"""

from collections import Counter
from collections.abc import Collection, Iterator

from engine.auction import ASKED_AT_ONCE, BID_WINDOW, Auction, Verdict, judge
from engine.cluster import Cluster, Unit
from engine.decisions import Award, CloseAuction, Decision, OfferUnit, Unschedule
from engine.draft import Draft
from engine.memory import Memory, Refusal
from registry.records import ScheduleEntry

FIRST_PAUSE = 1.0
"""Seconds until a machine that refused a unit is asked about it again; doubled with each further refusal."""

LONGEST_PAUSE = 30.0

SILENCE = 5.0
"""Seconds for which nothing is offered to a machine that let a bid window pass."""

STILL_THERE = frozenset({"active", "activating", "deactivating", "reloading"})
"""systemd's active states in which processes of the unit exist."""


class Settlement:
    """One plan's work on the units that need a place: the decisions so far, and the memory they make."""

    def __init__(
        self, cluster: Cluster, draft: Draft, memory: Memory, now: float, *, held: frozenset[str]
    ) -> None:
        self._cluster = cluster
        self._held = held
        self._draft = draft
        self._now = now
        self._epoch = memory.epoch
        self._rounds = memory.rounds
        self._auctions = dict(memory.auctions)
        self._refusals = {name: dict(by) for name, by in memory.refusals.items()}
        self._silent = {m: until for m, until in memory.silent.items() if until > now}
        self.waiting: dict[str, str] = {}
        """Units without a place, each with the reason."""

    @property
    def memory(self) -> Memory:
        """What the next plan must know."""
        return Memory(
            epoch=self._epoch,
            rounds=self._rounds,
            auctions=self._auctions,
            refusals=self._refusals,
            silent=self._silent,
        )

    @property
    def wake_at(self) -> float | None:
        """When something is to be looked at again even if nothing changes, in seconds of the loop's clock."""
        times = [auction.deadline for auction in self._auctions.values()]
        for name in self.waiting:
            times += [refusal.until for refusal in self._refusals.get(name, {}).values()]
        if self.waiting:
            times += self._silent.values()
        return min((t for t in times if t > self._now), default=None)

    def settle(self, order: Collection[str]) -> Iterator[Decision]:
        """Decide about every unit that wants a place and has none."""
        yield from self._close_what_is_not_needed()
        for name in order:
            unit = self._cluster.units[name]
            if self._needs_place(unit):
                yield from self._place(unit)
            else:
                self._refusals.pop(name, None)

    def _needs_place(self, unit: Unit) -> bool:
        if unit.is_global or not unit.desired.is_placed or self._draft.places(unit.name):
            return False
        return not (self._cluster.schedule.get(unit.name, {}).keys() & self._held)

    def _close_what_is_not_needed(self) -> Iterator[Decision]:
        known = self._auctions.keys() | self._cluster.offers.keys() | self._cluster.bids.keys()
        for name in sorted(known):
            auction = self._auctions.get(name)
            unit = self._cluster.units.get(name)
            if auction and unit and unit.hash == auction.hash and self._needs_place(unit):
                continue
            asked = set(auction.asked if auction else ()) | self._cluster.offers.get(name, {}).keys()
            self._auctions.pop(name, None)
            yield CloseAuction(
                name, tuple(sorted(asked)), "no longer wanted" if auction else "left by another leader"
            )

    def _place(self, unit: Unit) -> Iterator[Decision]:
        auction = self._auctions.get(unit.name)
        if auction is not None:
            verdict = self._judge(unit, auction)
            if verdict.winner is not None and not self._draft.awaits_peer(unit.wants):
                yield from self._leave_the_lost(unit)
                yield self._award(unit, auction, verdict)
                return
            if not verdict.over or verdict.winner is not None:
                likely = verdict.winner or verdict.favourite or auction.asked[0]
                self._draft.put(unit.name, unit.wants, likely, certain=False)
                return
            del self._auctions[unit.name]
            self._remember(unit, verdict)
            yield CloseAuction(unit.name, auction.asked, "nobody bid")
        yield from self._offer(unit)

    def _judge(self, unit: Unit, auction: Auction) -> Verdict:
        def fits(machine: str) -> bool:
            draft = self._draft
            return machine in draft.machines and draft.objection(unit.name, unit.wants, machine) is None

        bids = self._cluster.bids.get(unit.name, {})
        return judge(auction, bids, now=self._now, load=self._draft.load, fits=fits)

    def _award(self, unit: Unit, auction: Auction, verdict: Verdict) -> Award:
        assert verdict.winner is not None
        del self._auctions[unit.name]
        self._refusals.pop(unit.name, None)
        load = self._draft.load(verdict.winner)
        self._draft.put(unit.name, unit.wants, verdict.winner)
        entry = ScheduleEntry(verdict.winner, unit.name, unit.hash, unit.desired)
        return Award(
            entry,
            auction.asked,
            f"target state {unit.desired} and unit not scheduled: lowest of {len(auction.asked)} offers"
            f" (load {load} + price {verdict.price:g})",
        )

    def _leave_the_lost(self, unit: Unit) -> Iterator[Decision]:
        """Take a unit that goes elsewhere off the machines that are away."""
        for machine in sorted(self._cluster.schedule.get(unit.name, {})):
            if machine not in self._draft.machines:
                yield Unschedule(unit.name, machine, f"target Machine({machine}) went away")

    def _remember(self, unit: Unit, verdict: Verdict) -> None:
        """Note who refused and who kept silent, so that others are asked next."""
        before = self._refusals.get(unit.name, {})
        noted = dict(before)
        for machine, reason in verdict.refused.items():
            times = before[machine].times + 1 if machine in before else 1
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (times - 1))
            noted[machine] = Refusal(reason, self._now + pause, times)
        self._refusals[unit.name] = noted
        self._silent.update(dict.fromkeys(verdict.silent, self._now + SILENCE))

    def _offer(self, unit: Unit) -> Iterator[Decision]:
        if said := self._still_running(unit):
            self.waiting[unit.name] = said
            return
        asked = self._candidates(unit)
        if not asked:
            self.waiting[unit.name] = self._why_nowhere(unit)
            return
        self._rounds += 1
        id = f"{self._epoch}.{self._rounds}"
        self._auctions[unit.name] = Auction(unit.name, unit.hash, id, asked, self._now + BID_WINDOW)
        self._draft.put(unit.name, unit.wants, asked[0], certain=False)
        yield OfferUnit(
            unit.name, unit.hash, id, asked, f"target state {unit.desired} and unit not scheduled"
        )

    def _still_running(self, unit: Unit) -> str | None:
        for machine, report in sorted(self._cluster.reports.get(unit.name, {}).items()):
            if machine in self._draft.machines and report.active in STILL_THERE:
                return f"still {report.active} on Machine({machine}), which has been told to stop it"
        return None

    def _candidates(self, unit: Unit) -> tuple[str, ...]:
        """The least loaded machines that may have the unit; where one pushes it off, if need be."""
        pushed_off: list[str] = []
        asked: list[str] = []
        for machine in self._draft.by_load(unit.wants):
            if self._objection(unit, machine) is None:
                pushes = self._draft.replacer(unit.name, unit.wants, machine) is not None
                (pushed_off if pushes else asked).append(machine)
            if len(asked) == ASKED_AT_ONCE:
                break
        return tuple(asked or pushed_off[:ASKED_AT_ONCE])

    def _objection(self, unit: Unit, machine: str) -> str | None:
        """Why a machine is not asked."""
        if said := self._draft.objection(unit.name, unit.wants, machine):
            return said
        if machine in self._silent:
            return f"no answer to an offer within {BID_WINDOW:g} s"
        refusal = self._refusals.get(unit.name, {}).get(machine)
        return refusal.reason if refusal is not None and refusal.until > self._now else None

    def _why_nowhere(self, unit: Unit) -> str:
        """One sentence for an operator: how many machines each reason rules out."""
        lost = "".join(f"Machine({m}) went away; " for m in sorted(self._cluster.schedule.get(unit.name, {})))
        if not self._draft.machines:
            return f"{lost}no machine is present"
        tally = Counter(self._objection(unit, m) or "" for m in self._draft.machines)
        reasons = "; ".join(
            f"{count}: {said}" for said, count in sorted(tally.items(), key=lambda p: (-p[1], p[0]))
        )
        return f"{lost}none of {len(self._draft.machines)} machines qualifies ({reasons})"
