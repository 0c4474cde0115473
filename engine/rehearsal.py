"""A cluster in which plans come true at once: what a what-if and the tests of the planner run in.

Rule 1: an agent answers every offer as it is told to, and stops at once what is taken from it.
Rule 2: the clock jumps to when the engine would look again.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Generic, TypeVar

from engine.cluster import Cluster
from engine.decisions import Amend, Award, CloseAuction, Decision, Explained, Forgotten, OfferUnit, Unschedule
from engine.memory import Memory
from engine.plan import Plan, Planner
from registry.records import Bid, Offer

Record = TypeVar("Record")

Answer = Callable[[str, str], Bid | None]
"""(machine, unit) -> the bid, with any offer id, or None for silence."""

PASSES = 10_000
"""A cluster that does not come to rest within so many passes never will."""


class Restless(RuntimeError):
    """Plans contradict each other for ever: an error of the planner."""


@dataclass(frozen=True, slots=True)
class Course:
    """What happened until there was nothing left to do."""

    end: Cluster
    last: Plan
    passes: tuple[tuple[float, tuple[Decision, ...]], ...]
    """Each plan that decided something: when, and what."""
    now: float

    @property
    def decisions(self) -> list[Decision]:
        """All decisions, in order."""
        return [decision for _, made in self.passes for decision in made]


def willing(machine: str, name: str) -> Bid | None:
    """The answer of a healthy host with nothing else to carry."""
    return Bid(machine, name, "", price=0.0)


def to_rest(
    cluster: Cluster,
    memory: Memory | None = None,
    *,
    answer: Answer = willing,
    now: float = 0.0,
    grace: float = 30.0,
    until: float = 0.0,
) -> Course:
    """Plan and carry out until nothing is left to do, and on until a time that is not yet reached then.

    Times are in seconds of one clock. Raises Restless.
    """
    memory = memory or Memory()
    planner = Planner()
    passes: list[tuple[float, tuple[Decision, ...]]] = []
    for _ in range(PASSES):
        made = planner.plan(cluster, memory, now=now, grace=grace)
        memory = made.memory
        if made.decisions:
            passes.append((now, made.decisions))
            cluster = carried_out(cluster, made.decisions, answer)
        elif made.wake_at is not None and (memory.auctions or made.doubted or made.wake_at <= until):
            now = made.wake_at
        else:
            last = planner.plan(cluster, _with_old_reasons(memory), now=now, grace=grace)
            return Course(cluster, last, tuple(passes), now)
    raise Restless(f"no rest after {PASSES} plans; the last decisions are {passes[-3:]}")


def _with_old_reasons(memory: Memory) -> Memory:
    """A memory with which every reason to wait is found out anew."""
    return replace(memory, said={n: replace(said, at=-inf) for n, said in memory.said.items()})


def carried_out(cluster: Cluster, decisions: Iterable[Decision], answer: Answer = willing) -> Cluster:
    """The cluster after these decisions, and after the agents have answered. Shares what did not change."""
    schedule, reports = _Rows(cluster.schedule), _Rows(cluster.reports)
    offers, bids = _Rows(cluster.offers), _Rows(cluster.bids)
    for decision in decisions:
        match decision:
            case Unschedule(name, machine, _):
                schedule.drop(name, machine)
                reports.drop(name, machine)
            case Amend(entry, _):
                schedule.put(entry.name, entry.machine, entry)
            case OfferUnit(name, hash, id, machines, _):
                for machine in machines:
                    offers.put(name, machine, Offer(machine, name, id, hash))
                    if bid := answer(machine, name):
                        bids.put(name, machine, replace(bid, offer=id))
            case Award(entry, _, _):
                schedule.put(entry.name, entry.machine, entry)
                offers.drop_row(entry.name)
                bids.drop_row(entry.name)
            case CloseAuction(name, _, _):
                offers.drop_row(name)
                bids.drop_row(name)
            case Explained() | Forgotten():
                pass
    return replace(cluster, schedule=schedule.rows, reports=reports.rows, offers=offers.rows, bids=bids.rows)


class _Rows(Generic[Record]):
    """A table of tables that is copied only as far as it is written to."""

    def __init__(self, rows: Mapping[str, Mapping[str, Record]]) -> None:
        self.rows: Mapping[str, Mapping[str, Record]] = rows
        self._mine: dict[str, Mapping[str, Record]] | None = None
        self._own: dict[str, dict[str, Record]] = {}

    def put(self, name: str, machine: str, record: Record) -> None:
        """Set one cell."""
        self._row(name)[machine] = record

    def drop(self, name: str, machine: str) -> None:
        """Empty one cell; nothing happens when it is."""
        if machine in self.rows.get(name, {}):
            row = self._row(name)
            del row[machine]
            if not row:
                self.drop_row(name)

    def drop_row(self, name: str) -> None:
        """Empty a row; nothing happens when it is."""
        if name in self.rows:
            self._table().pop(name)
            self._own.pop(name, None)

    def _table(self) -> dict[str, Mapping[str, Record]]:
        if self._mine is None:
            self.rows = self._mine = dict(self.rows)
        return self._mine

    def _row(self, name: str) -> dict[str, Record]:
        if name not in self._own:
            self._own[name] = self._table()[name] = dict(self.rows.get(name, {}))
        return self._own[name]
