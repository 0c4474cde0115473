"""A world in which plans come true at once: decisions change the cluster, agents answer every offer."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from engine.cluster import Cluster
from engine.decisions import Amend, Award, CloseAuction, Decision, OfferUnit, Unschedule
from engine.memory import Memory
from engine.plan import Plan, plan
from registry.records import Bid, Offer

Answer = Callable[[str, str], Bid | None]
"""(machine, unit) -> the bid, with any offer id, or None for silence."""


def willing(machine: str, name: str) -> Bid | None:
    """The answer of a healthy host."""
    return Bid(machine, name, "", price=0.0)


def carried_out(cluster: Cluster, decisions: Iterable[Decision], answer: Answer = willing) -> Cluster:
    """The cluster after these decisions, and after the agents have answered."""
    schedule = {n: dict(by) for n, by in cluster.schedule.items()}
    offers = {n: dict(by) for n, by in cluster.offers.items()}
    bids = {n: dict(by) for n, by in cluster.bids.items()}
    for decision in decisions:
        match decision:
            case Unschedule(name, machine, _):
                schedule[name].pop(machine)
                if not schedule[name]:
                    del schedule[name]
            case Amend(entry, _):
                schedule[entry.name][entry.machine] = entry
            case OfferUnit(name, hash, id, machines, _):
                for machine in machines:
                    offers.setdefault(name, {})[machine] = Offer(machine, name, id, hash)
                    if bid := answer(machine, name):
                        bids.setdefault(name, {})[machine] = replace(bid, offer=id)
            case Award(entry, _, _):
                schedule.setdefault(entry.name, {})[entry.machine] = entry
                offers.pop(entry.name, None)
                bids.pop(entry.name, None)
            case CloseAuction(name, _, _):
                offers.pop(name, None)
                bids.pop(name, None)
    return replace(cluster, schedule=schedule, offers=offers, bids=bids)


def at_rest(
    cluster: Cluster, memory: Memory | None = None, *, answer: Answer = willing, now: float = 0.0
) -> tuple[Cluster, Plan, list[Decision]]:
    """Plan and carry out until nothing is left to do; the clock jumps to when the engine would wake."""
    memory = memory or Memory()
    taken: list[Decision] = []
    for _ in range(60):
        made = plan(cluster, memory, now=now, grace=30.0)
        memory = made.memory
        taken += made.decisions
        if made.decisions:
            cluster = carried_out(cluster, made.decisions, answer)
        elif (made.memory.auctions or made.doubted) and made.wake_at is not None:
            now = made.wake_at
        else:
            return cluster, made, taken
    raise AssertionError(f"no rest after 60 plans; last decisions {taken[-5:]}")
