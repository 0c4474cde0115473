"""The second half of a plan: who gets a place, by offer, bid and award.

Rule 1: a unit that still runs on a host that is present gets no other place until that host has stopped it.
Rule 2: units are looked at in the order of the first half; each sees the places of those before it, also
        those that are only likely because their auction is still open.
Rule 3: a unit that no machine takes always has its reason. So many rounds are open at once that every
        host has work, and not more: what comes behind them waits for its turn, for milliseconds.
"""

from collections.abc import Iterable, Iterator, Set
from dataclasses import replace
from math import inf

from engine.auction import ASKED_AT_ONCE, BID_WINDOW, Auction, Outcome, answers, judge
from engine.caution import Absence
from engine.cluster import STILL_THERE, Unit
from engine.decisions import Award, CloseAuction, Decision, OfferUnit, Unschedule
from engine.explanations import Explanations
from engine.memory import Memory
from engine.movers import Movers
from engine.notes import Notes
from engine.pace import Pace
from engine.reasons import Reasons
from engine.residence import Residence, ranked
from engine.setbacks import Setbacks
from engine.stuck import NO_REFUSALS, Grounds, Stuck
from registry.records import Answer, ScheduleEntry, Verdict

ROUNDS_AT_ONCE = 512
"""So many auctions at least may be open at the same time; in a larger cluster one for each machine."""


class Settlement:
    """One plan's work on the units that need a place: the decisions so far, and the memory they make."""

    def __init__(
        self,
        residence: Residence,
        stuck: Stuck,
        memory: Memory,
        now: float,
        away: Absence,
    ) -> None:
        self._residence = residence
        self._stuck = stuck
        self._cluster = residence.cluster
        self._draft = residence.draft
        self._now = now
        self._away = away
        self._before = memory
        self._rounds = memory.rounds
        self._auctions = dict(memory.auctions)
        self._notes = Notes(memory, now, self._cluster.bids)
        self._setbacks = Setbacks(memory, now)
        self._reasons = Reasons(self._draft, self._notes, self._setbacks, now)
        self._movers = Movers(residence, self._setbacks, self._auctions)
        self._silent_at_first = frozenset(self._notes.silent)
        self._explanations = Explanations(memory, now)
        self._pace = Pace(memory, now, machines=len(self._cluster.machines))
        self.waiting: dict[str, str] = {}
        """Units without a place, each with the reason."""

    @property
    def memory(self) -> Memory:
        """What the next plan must know."""
        return replace(
            self._before,
            rounds=self._rounds,
            auctions=self._auctions,
            refusals=self._notes.refusals,
            silent=self._notes.silent,
            setbacks=self._setbacks.of,
            absent_since=self._away.since,
            suspects=self._away.suspects,
            said=self._explanations.said,
            moves=self._pace.moves,
            moves_since=self._pace.since,
        )

    @property
    def wake_at(self) -> float | None:
        """When something is to be looked at again even if nothing changes, in seconds of the loop's clock."""
        times = [auction.deadline for auction in self._auctions.values()]
        times += self._notes.ends(self.waiting.keys() | self._movers.pushed)
        times += self._setbacks.ends(self.waiting, self._residence.hindered.on)
        times += self._pace.ends
        times += self._explanations.ends
        return min((t for t in times if t > self._now), default=None)

    def settle(self, unwanted: Set[str]) -> Iterator[Decision]:
        """Decide about every unit that wants a place and has none; `unwanted` have just lost theirs."""
        yield from self._close_what_is_not_needed()
        yield from self._explanations.forget(unwanted, self._has_no_place)
        most = max(ROUNDS_AT_ONCE, len(self._cluster.machines))
        yet_open = len(self._auctions)
        for _, _, name in self._order():
            if name in self._auctions:
                yet_open -= 1
            elif len(self._auctions) >= most:
                if not yet_open:
                    return
                continue
            if not self._is_held(name):
                yield from self._place(self._cluster.units[name])

    def _order(self) -> Iterable[tuple[str, int, str]]:
        homeless = self._residence.homeless
        if not self._movers.names:
            return homeless
        return ranked(homeless, map(self._residence.order.rank, self._movers.names))

    def _is_held(self, name: str) -> bool:
        """Whether a unit still belongs to a machine whose loss is doubted."""
        return not self._away.doubted.isdisjoint(self._cluster.schedule.get(name, ()))

    def _has_no_place(self, name: str) -> bool:
        return name in self._residence.homeless or name in self._movers or name in self._residence.hindered.on

    def _needs_place(self, name: str) -> bool:
        return self._has_no_place(name) and not self._is_held(name)

    def _close_what_is_not_needed(self) -> Iterator[Decision]:
        known = self._auctions.keys() | self._cluster.offers.keys() | self._cluster.bids.keys()
        for name in sorted(known):
            auction = self._auctions.get(name)
            unit = self._cluster.units.get(name)
            wanted = auction and unit and unit.hash == auction.hash and self._needs_place(name)
            if wanted and unit and (name in self._movers.pushed or self._still_running(unit) is None):
                continue
            asked = set(auction.asked if auction else ()) | self._cluster.offers.get(name, {}).keys()
            self._auctions.pop(name, None)
            yield CloseAuction(
                name, tuple(sorted(asked)), "no longer wanted" if auction else "left by another leader"
            )
        self._notes.keep_only(self._needs_place)
        self._setbacks.keep_only(self._cluster.units, self._residence.hindered.on)

    def _place(self, unit: Unit) -> Iterator[Decision]:
        auction = self._auctions.get(unit.name)
        if auction is not None:
            outcome = self._judge(unit, auction)
            if outcome.winner is not None and not self._draft.awaits_peer(unit.wants):
                yield from self._awarded(unit, auction, outcome.winner, outcome.price)
                return
            if not outcome.over or outcome.winner is not None:
                likely = outcome.winner or outcome.favourite or auction.asked[0]
                self._draft.put(unit.name, unit.wants, likely, certain=False)
                return
            del self._auctions[unit.name]
            self._notes.remember(unit.name, outcome)
            yield CloseAuction(unit.name, auction.asked, "nobody bid")
        yield from self._offer(unit)

    def _judge(self, unit: Unit, auction: Auction) -> Outcome:
        def fits(machine: str) -> bool:
            # Where it is already, by the hand of another leader perhaps, it cannot come once more.
            if machine not in self._draft.machines or machine in self._draft.places(unit.name):
                return False
            return self._draft.objection(unit.name, unit.wants, machine) is None

        bids = self._cluster.bids.get(unit.name, {})
        return judge(auction, bids, now=self._now, load=self._draft.load, fits=fits)

    def _awarded(self, unit: Unit, auction: Auction, winner: str, price: float) -> Iterator[Decision]:
        del self._auctions[unit.name]
        draft, bids = self._draft, self._cluster.bids.get(unit.name, {})
        said = f"lowest of {len(auction.asked)} offers (load {draft.load(winner)} + price {price:g})"
        answered = answers(auction, bids, draft.load, draft.machines)
        yield from self._goes_to(unit, winner, auction.asked, said, answered)

    def _goes_to(
        self, unit: Unit, machine: str, asked: tuple[str, ...], said: str, answered: tuple[Answer, ...]
    ) -> Iterator[Decision]:
        need, left = self._need(unit), tuple(self._movers.take_off(unit))
        if left and unit.name in self._movers.pushed:
            if asked:
                yield CloseAuction(unit.name, asked, "it is stopped first where it is")
            yield from left
            return
        yield self._explanations.placed(self._reasons.placed(unit, said, machine, asked, answered))
        self._notes.forget(unit.name)
        yield from left
        for lost in sorted(self._cluster.schedule.get(unit.name, {})):
            if lost not in self._draft.machines:
                yield Unschedule(unit.name, lost, f"target Machine({lost}) went away")
        self._draft.put(unit.name, unit.wants, machine)
        entry = ScheduleEntry(machine, unit.name, unit.hash, unit.desired)
        yield Award(entry, asked, f"{need}: {said}")

    def _offer(self, unit: Unit) -> Iterator[Decision]:
        slowly = not self._away.suspects.isdisjoint(self._cluster.schedule.get(unit.name, ()))
        if slowly and self._pace.is_full():
            said = f"at most {self._pace.limit} units move in a second from machines that were lost together"
            yield from self._waits(self._reasons.plain(unit, said))
            return
        verdict, asked = self._asked(unit)
        if verdict is not None:
            yield from self._waits(verdict)
            return
        if slowly:
            self._pace.step()
        if self._draft.machines[asked[0]].bids:
            yield self._offered(unit, tuple(m for m in asked if self._draft.machines[m].bids))
        elif self._draft.awaits_peer(unit.wants):
            self._draft.put(unit.name, unit.wants, asked[0], certain=False)
        else:
            said = f"least loaded (load {self._draft.load(asked[0])}), and answers no offers"
            yield from self._goes_to(unit, asked[0], (), said, ())

    def _asked(self, unit: Unit) -> tuple[Verdict | None, tuple[str, ...]]:
        """Whom to ask about a unit, or why nobody is asked."""
        if (machine := self._movers.machine(unit.name)) is not None:
            return self._asked_instead(unit, machine)
        grounds = self._grounds(unit.name)
        if known := self._known_stuck(unit.name, grounds):
            return self._explanations.recent(unit.name) or known, ()
        if said := self._still_running(unit):
            return self._reasons.plain(unit, said), ()
        if asked := self._candidates(unit):
            return None, asked
        return self._why_nowhere(unit, grounds), ()

    def _asked_instead(self, unit: Unit, machine: str) -> tuple[Verdict | None, tuple[str, ...]]:
        """Whom to ask in place of the machine that a unit is to leave, or why it stays there."""
        if asked := self._candidates(unit):
            return None, asked
        self._movers.stays(unit)
        return self._reasons.stays(unit, machine, self._movers.reason(unit.name)), ()

    def _grounds(self, name: str) -> Grounds:
        refusals = self._notes.refusals.get(name, NO_REFUSALS)
        reports = self._cluster.reports.get(name)
        return Grounds(self._residence.version, self._silent_at_first, refusals, reports)

    def _known_stuck(self, name: str, grounds: Grounds) -> Verdict | None:
        """The verdict of an earlier plan, if all that it was made from is as it was."""
        if not self._draft.is_untouched or self._notes.silent.keys() != self._silent_at_first:
            return None
        return self._stuck.verdict(name, grounds, self._now)

    def _offered(self, unit: Unit, asked: tuple[str, ...]) -> OfferUnit:
        self._rounds += 1
        id = f"{self._before.epoch}.{self._rounds}"
        self._auctions[unit.name] = Auction(unit.name, unit.hash, id, asked, self._now + BID_WINDOW)
        self._draft.put(unit.name, unit.wants, asked[0], certain=False)
        return OfferUnit(unit.name, unit.hash, id, asked, self._need(unit))

    def _need(self, unit: Unit) -> str:
        """Why a unit needs a place."""
        if unit.name in self._movers:
            return self._movers.need(unit.name)
        return f"target state {unit.desired} and unit not scheduled"

    def _still_running(self, unit: Unit) -> str | None:
        for machine, report in sorted(self._cluster.reports.get(unit.name, {}).items()):
            if machine in self._draft.machines and report.active in STILL_THERE:
                return f"still {report.active} on Machine({machine}), which has been told to stop it"
        return None

    def _candidates(self, unit: Unit) -> tuple[str, ...]:
        """The least loaded machines that may have the unit; where one pushes it off, or could not run it, if
        need be. Who leaves a machine that cannot run it goes where it has not been, and not back too soon.
        """
        here, off = self._movers.machine(unit.name), self._setbacks.off(unit.name)
        avoided, again = (off.keys() | {here}, self._setbacks.left(unit.name)) if here else (set(), off)
        asked: list[str] = []
        pushed_off: list[str] = []
        last_choice: list[str] = []
        for machine in self._draft.worth_asking(unit.name, unit.wants):
            if machine in avoided or self._notes.avoids(unit.name, machine):
                continue
            if self._draft.objection(unit.name, unit.wants, machine) is None:
                pushes = self._draft.replacer(unit.name, unit.wants, machine) is not None
                (pushed_off if pushes else last_choice if machine in again else asked).append(machine)
            if len(asked) == ASKED_AT_ONCE:
                break
        others = last_choice if here else pushed_off or last_choice
        return tuple(asked or others[:ASKED_AT_ONCE])

    def _waits(self, verdict: Verdict) -> Iterator[Decision]:
        if verdict.winner is None:
            self.waiting[verdict.name] = verdict.reason
        yield from self._explanations.waits(verdict)

    def _why_nowhere(self, unit: Unit, grounds: Grounds) -> Verdict:
        if recent := self._explanations.recent(unit.name):
            return recent
        had = sorted(self._cluster.schedule.get(unit.name, {}))
        lost = "".join(f"Machine({m}) went away; " for m in had if m not in self._draft.machines)
        verdict = self._reasons.nowhere(unit, lost)
        if self._draft.is_untouched and self._notes.silent.keys() == self._silent_at_first:
            ends = [t for t in self._notes.ends((unit.name,)) if t > self._now]
            self._stuck.note(verdict, grounds, min(ends, default=inf))
        return verdict
