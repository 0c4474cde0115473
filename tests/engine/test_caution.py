"""Which absences the engine believes at once, and which it doubts first."""

from math import inf

from engine.caution import UNSETTLED, absence
from engine.decisions import OfferUnit, Unschedule
from engine.memory import Memory
from engine.plan import plan
from tests.builders import cluster, unit

GRACE = 30.0


def doubted(
    needed: str,
    present: str,
    *,
    left: str = "",
    now: float = 0.0,
    since: float = 0.0,
    steady_since: float = -inf,
) -> str:
    away = absence(
        set(needed.split()),
        set(present.split()),
        dict.fromkeys(needed.split(), since),
        left=left.split(),
        steady_since=steady_since,
        now=now,
        grace=GRACE,
    )
    return " ".join(sorted(away.doubted))


def test_one_lost_host_is_believed_at_once() -> None:
    assert doubted("a b c", "b c") == ""
    assert doubted("a b", "b") == ""


def test_many_hosts_lost_at_once_are_doubted_for_the_grace_and_then_believed() -> None:
    assert doubted("a b c", "c") == "a b"
    assert doubted("a b c", "c", now=GRACE - 0.1) == "a b"
    assert doubted("a b c", "c", now=GRACE) == ""


def test_two_of_ten_hosts_lost_are_believed() -> None:
    assert doubted("a b c d e f g h i j", "c d e f g h i j") == ""


def test_a_single_loss_soon_after_the_store_was_away_is_doubted_for_the_grace_and_then_believed() -> None:
    for since in (0.0, GRACE + 1, UNSETTLED * GRACE - 0.1):
        assert doubted("a b", "b", since=since, now=since, steady_since=0.0) == "a"
        assert doubted("a b", "b", since=since, now=since + GRACE - 0.1, steady_since=0.0) == "a"
        assert doubted("a b", "b", since=since, now=since + GRACE, steady_since=0.0) == ""


def test_a_single_loss_long_after_the_store_was_away_is_believed_at_once() -> None:
    at = UNSETTLED * GRACE
    assert doubted("a b", "b", since=at, now=at, steady_since=0.0) == ""


def test_a_loss_that_was_believed_stays_believed_when_the_store_goes_away_later() -> None:
    assert doubted("a b", "b", since=0.0, now=500.0, steady_since=400.0) == ""


def test_hosts_that_have_left_in_order_are_never_doubted() -> None:
    assert doubted("a b", "b", left="a", steady_since=0.0) == ""
    assert doubted("a b c", "c", left="a b") == ""
    assert doubted("a b c", "c", left="a") == "", "one is lost, and that one is believed"
    assert doubted("a b c d", "d", left="a") == "b c"


def test_units_of_doubted_hosts_stay_until_the_grace_is_over() -> None:
    world = cluster(unit("a"), unit("b"), unit("c"), machines="m3", schedule="a@m1 b@m2 c@m3")
    first = plan(world, Memory(), now=100.0, grace=GRACE)
    assert first.decisions == ()
    assert first.doubted == frozenset({"m1", "m2"})
    assert first.wake_at == 130.0
    second = plan(world, first.memory, now=130.0, grace=GRACE)
    assert [d.name for d in second.decisions if isinstance(d, OfferUnit)] == ["a.service", "b.service"]


def test_a_doubted_host_that_returns_keeps_its_units() -> None:
    world = cluster(unit("a"), unit("b"), machines="m3", schedule="a@m1 b@m2")
    first = plan(world, Memory(), now=0.0, grace=GRACE)
    back = cluster(unit("a"), unit("b"), machines="m1 m2 m3", schedule="a@m1 b@m2")
    assert plan(back, first.memory, now=40.0, grace=GRACE).decisions == ()


def test_a_unit_its_owner_stops_leaves_a_doubted_host_at_once() -> None:
    world = cluster(unit("a", desired="inactive"), unit("b"), machines="m3", schedule="a@m1 b@m2")
    made = plan(world, Memory(), now=0.0, grace=GRACE)
    assert [d.name for d in made.decisions if isinstance(d, Unschedule)] == ["a.service"]
