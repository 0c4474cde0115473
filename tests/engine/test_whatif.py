"""What would happen if: answers of the real planner that change nothing."""

import pytest

from engine.whatif import Move, what_if
from tests.builders import cluster, unit
from units.machine import Machine

BUSY = cluster(
    unit("a"), unit("b"), unit("c", "MachineOf=a.service"), machines="m1 m2", schedule="a@m1 c@m1 b@m2"
)


def test_a_new_unit_would_go_where_the_planner_puts_it() -> None:
    outcome = what_if(BUSY, start=[unit("new")])
    assert outcome.moves == (Move("new.service", None, "m2", ""),)
    assert outcome.has_place_for_all


def test_a_new_unit_without_a_place_is_told_why() -> None:
    outcome = what_if(BUSY, start=[unit("new", "MachineMetadata=gpu=yes")])
    assert outcome.moves == ()
    assert not outcome.has_place_for_all
    assert outcome.waiting == {
        "new.service": "none of 2 machines qualifies"
        " (2 by MachineMetadata: local Machine metadata insufficient)"
    }


def test_a_lost_machine_sends_its_units_and_their_followers_away() -> None:
    outcome = what_if(BUSY, lose=["m1"])
    gone = "target Machine(m1) went away"
    assert outcome.moves == (Move("a.service", "m1", "m2", gone), Move("c.service", "m1", "m2", gone))
    assert outcome.has_place_for_all


def test_the_loss_of_many_machines_is_believed_and_not_waited_for() -> None:
    world = cluster(*(unit(n) for n in "abcde"), machines="m1 m2 m3", schedule="a@m1 b@m1 c@m2 d@m2 e@m3")
    outcome = what_if(world, lose=["m1", "m2"])
    assert [move.target for move in outcome.moves] == ["m3"] * 4


def test_a_unit_that_only_its_lost_machine_may_have_would_have_no_place() -> None:
    world = cluster(unit("a", "MachineID=m1"), machines="m1 m2", schedule="a@m1")
    outcome = what_if(world, lose=["m1"])
    assert outcome.moves == (Move("a.service", "m1", None, "target Machine(m1) went away"),)
    assert list(outcome.waiting) == ["a.service"]


def test_stopping_a_unit_takes_its_followers_along_and_frees_what_waits_for_it() -> None:
    world = cluster(
        unit("a"),
        unit("c", "MachineOf=a.service"),
        unit("w", "Conflicts=a.service"),
        machines="m1",
        schedule="a@m1 c@m1",
    )
    outcome = what_if(world, stop=["a.service"])
    assert [(m.name, m.source, m.target) for m in outcome.moves] == [
        ("a.service", "m1", None),
        ("c.service", "m1", None),
        ("w.service", None, "m1"),
    ]
    assert list(outcome.waiting) == ["c.service"]


def test_an_added_machine_gets_what_waited_and_nothing_that_runs() -> None:
    world = cluster(
        *(unit(n) for n in "ab"), unit("w", "MachineMetadata=gpu=yes"), machines="m1", schedule="a@m1 b@m1"
    )
    outcome = what_if(world, add=[Machine("new", metadata={"gpu": "yes"})])
    assert outcome.moves == (Move("w.service", None, "new", ""),)


def test_global_units_are_told_with_all_their_machines() -> None:
    outcome = what_if(BUSY, start=[unit("g", "Global=true")])
    assert outcome.everywhere == {"g.service": ("m1", "m2")}
    assert outcome.moves == ()


def test_what_waits_anyway_is_kept_apart_from_what_the_change_leaves_without_a_place() -> None:
    world = cluster(unit("w", "MachineMetadata=gpu=yes"), unit("a"), machines="m1 m2", schedule="a@m1")
    outcome = what_if(world, lose=["m2"])
    assert outcome.waiting == {}
    assert list(outcome.waiting_anyway) == ["w.service"]


def test_what_is_not_there_cannot_be_stopped_or_lost() -> None:
    with pytest.raises(KeyError):
        what_if(BUSY, stop=["nobody.service"])
    with pytest.raises(KeyError):
        what_if(BUSY, lose=["m9"])
