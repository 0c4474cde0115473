"""How offers, bids and silence decide who gets a unit."""

from dataclasses import replace
from itertools import pairwise

from engine.auction import BID_WINDOW, windows_opened
from engine.cluster import Cluster
from engine.decisions import Award, CloseAuction, Decision, OfferUnit
from engine.memory import Memory
from engine.plan import Plan, plan
from registry.records import Bid
from tests.builders import cluster, places, unit
from tests.engine.world import Answer, at_rest, carried_out, willing


def silence(machine: str, name: str) -> Bid | None:
    return None


def planned(world: Cluster, memory: Memory, now: float = 0.0) -> Plan:
    return plan(world, memory, now=now, grace=30.0)


def awards(decisions: tuple[Decision, ...]) -> list[tuple[str, str]]:
    return [(d.entry.name, d.entry.machine) for d in decisions if isinstance(d, Award)]


def test_a_unit_is_offered_to_the_few_least_loaded_and_awarded_in_the_next_plan() -> None:
    start = cluster(unit("a"), machines="m1 m2 m3 m4", schedule="")
    first = planned(start, Memory(epoch="7"))
    assert first.decisions == (
        OfferUnit(
            "a.service",
            start.units["a.service"].hash,
            "7.1",
            ("m1", "m2", "m3"),
            "target state launched and unit not scheduled",
        ),
    )
    second = planned(carried_out(start, first.decisions), first.memory)
    assert awards(second.decisions) == [("a.service", "m1")]


def test_the_lowest_sum_of_load_and_price_wins() -> None:
    prices = {"m1": 5.0, "m2": 0.5, "m3": 3.0}
    end, _, _ = at_rest(
        cluster(unit("a"), machines="m1 m2 m3"), answer=lambda m, n: Bid(m, n, "", price=prices[m])
    )
    assert places(end) == "a@m2"


def test_a_refusal_sends_the_unit_elsewhere_and_is_remembered_with_its_reason() -> None:
    def full_disk(machine: str, name: str) -> Bid | None:
        return Bid(machine, name, "", refusal="disk full") if machine == "m1" else willing(machine, name)

    end, _, _ = at_rest(cluster(unit("a"), machines="m1 m2"), answer=full_disk)
    assert places(end) == "a@m2"

    alone, made, _ = _after_one_round(cluster(unit("a"), machines="m1"), full_disk)
    assert places(alone) == ""
    assert made.waiting == {"a.service": "none of 1 machines qualifies (1 by refusal: disk full)"}


def test_a_refused_unit_is_offered_again_after_a_pause_that_doubles() -> None:
    def never(machine: str, name: str) -> Bid | None:
        return Bid(machine, name, "", refusal="cordoned")

    world, memory, now = cluster(unit("a"), machines="m1"), Memory(), 0.0
    offered_at = []
    for _ in range(30):
        made = planned(world, memory, now)
        memory, world = made.memory, carried_out(world, made.decisions, never)
        if any(isinstance(d, OfferUnit) for d in made.decisions):
            offered_at.append(now)
        if not made.decisions:
            assert made.wake_at is not None
            now = made.wake_at
    pauses = [b - a for a, b in pairwise(offered_at)]
    assert pauses[:6] == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0]


def test_a_hung_host_costs_one_bid_window_and_gets_nothing() -> None:
    def m1_hangs(machine: str, name: str) -> Bid | None:
        return None if machine == "m1" else willing(machine, name)

    world = cluster(unit("a"), unit("b"), machines="m1 m2 m3")
    first = planned(world, Memory())
    world = carried_out(world, first.decisions, m1_hangs)
    waiting = planned(world, first.memory, now=BID_WINDOW / 2)
    assert awards(waiting.decisions) == [("b.service", "m2")], "b does not need the answer of m1"
    world = carried_out(world, waiting.decisions, m1_hangs)
    late = planned(world, waiting.memory, now=BID_WINDOW)
    assert awards(late.decisions) == [("a.service", "m3")]


def test_a_host_that_kept_silent_is_not_asked_again_for_a_while() -> None:
    world, made, _ = _after_one_round(cluster(unit("a"), machines="m1"), silence)
    assert made.waiting == {
        "a.service": "none of 1 machines qualifies (1 by silence: no answer to an offer within 0.5 s)"
    }
    other = replace(world, units={**world.units, "b.service": unit("b")})
    assert not any(isinstance(d, OfferUnit) for d in planned(other, made.memory, BID_WINDOW).decisions)
    assert any(isinstance(d, OfferUnit) for d in planned(other, made.memory, BID_WINDOW + 5).decisions)


def test_a_host_that_answers_other_offers_is_slow_and_not_silent() -> None:
    start = cluster(unit("a"), unit("b"), machines="m1")
    first = planned(start, Memory())
    asked = carried_out(start, first.decisions, lambda m, n: willing(m, n) if n == "a.service" else None)
    late = planned(asked, first.memory, now=BID_WINDOW)
    assert awards(late.decisions) == [("a.service", "m1")]
    assert [d.name for d in late.decisions if isinstance(d, CloseAuction | OfferUnit)] == ["b.service"] * 2
    assert late.memory.silent == {}


def test_the_window_of_a_round_opens_when_its_offers_are_written() -> None:
    begun = planned(cluster(unit("a"), machines="m1"), Memory()).memory
    assert windows_opened(begun.auctions, {}, 7.0)["a.service"].deadline == 7.0 + BID_WINDOW
    assert windows_opened(begun.auctions, begun.auctions, 7.0) == begun.auctions
    older = {"a.service": replace(begun.auctions["a.service"], id="another")}
    assert windows_opened(begun.auctions, older, 7.0)["a.service"].deadline == 7.0 + BID_WINDOW


def test_the_award_goes_to_who_is_least_loaded_now_not_when_asked() -> None:
    world = cluster(*(unit(n) for n in "abcdef"), machines="m1 m2")
    first = planned(world, Memory())
    second = planned(carried_out(world, first.decisions), first.memory)
    assert awards(second.decisions) == [
        (f"{n}.service", m) for n, m in zip("abcdef", ["m1", "m2"] * 3, strict=True)
    ]


def test_a_bid_on_another_offer_counts_for_nothing() -> None:
    world = cluster(unit("a"), machines="m1")
    first = planned(world, Memory())
    world = carried_out(world, first.decisions, lambda m, n: None)
    world = replace(world, bids={"a.service": {"m1": Bid("m1", "a.service", "an older offer")}})
    assert awards(planned(world, first.memory).decisions) == []


def test_an_auction_is_closed_when_the_unit_is_no_longer_wanted() -> None:
    world = cluster(unit("a"), machines="m1")
    first = planned(world, Memory())
    world = carried_out(world, first.decisions, silence)
    gone = replace(world, units={})
    assert planned(gone, first.memory).decisions == (CloseAuction("a.service", ("m1",), "no longer wanted"),)


def test_a_new_leader_takes_back_the_offers_and_bids_of_the_old_one() -> None:
    world = cluster(unit("a"), machines="m1")
    left = carried_out(world, planned(world, Memory(epoch="1")).decisions)
    taken_over = planned(left, Memory(epoch="2"))
    assert taken_over.decisions[0] == CloseAuction("a.service", ("m1",), "left by another leader")
    assert isinstance(taken_over.decisions[1], OfferUnit)


def test_a_follower_is_never_awarded_before_its_peer() -> None:
    def slow_for_b(machine: str, name: str) -> Bid | None:
        return None if name == "b.service" else willing(machine, name)

    world = cluster(unit("a", "MachineOf=b.service"), unit("b"), machines="m1 m2")
    first = planned(world, Memory())
    assert len(first.decisions) == 2, "peer and follower are offered in the same plan"
    world = carried_out(world, first.decisions, slow_for_b)
    assert awards(planned(world, first.memory).decisions) == []


def _after_one_round(world: Cluster, answer: Answer) -> tuple[Cluster, Plan, Plan]:
    first = planned(world, Memory())
    world = carried_out(world, first.decisions, answer)
    second = planned(world, first.memory, BID_WINDOW)
    return carried_out(world, second.decisions, answer), second, first
