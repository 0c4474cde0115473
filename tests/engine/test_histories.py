"""What holds for every cluster, whatever happens to it. Each has been seen to fail on a broken planner."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.auction import BID_WINDOW
from engine.cluster import Cluster
from engine.decisions import Award, Unschedule
from engine.plan import plan
from engine.rehearsal import carried_out, to_rest
from tests.engine.histories import GRACE, MACHINES, Step, World, histories
from tests.engine.oracle import has_place_for, unexcused, unfit, wrong

often = settings(max_examples=150)


def lived(history: Sequence[Step]) -> World:
    world = World()
    for step in history:
        if step[0] == "pass":
            assert step[1] is None or isinstance(step[1], int)
            world.take(world.planned(), step[1])
        else:
            world.happen(step)
    return world


THREE_PASSES: list[Step] = [("pass", None)] * 3

A_PEER_GOES_AND_ITS_FOLLOWER_IS_LEFT: list[Step] = [
    ("machine", "m1", {}, True),
    ("unit", "a", (), "launched", 0),
    ("unit", "f", ("MachineOf=a.service",), "launched", 0),
    *THREE_PASSES,
    ("off", "a", "m1"),
]
WHO_LEAVES_ONE_PLACE_COUNTS_IN_THE_OTHER: list[Step] = [
    ("machine", "m1", {"x": "1"}, True),
    ("machine", "m2", {"x": "1"}, True),
    ("unit", "a", ("MachineMetadata=x=1",), "launched", 0),
    ("unit", "b", ("Conflicts=a.service",), "launched", 0),
    *THREE_PASSES,
    ("stray", "a", "m2"),
    ("pass", 0),
    ("machine", "m1", {}, True),
]
A_ROUND_IS_OPEN_FOR_ONE_WHO_HAS_COME_AND_CANNOT_RUN: list[Step] = [
    ("machine", "m1", {}, True),
    ("unit", "a", (), "launched", 0),
    ("pass", None),
    ("unit", "b", (), "launched", 0),
    ("pass", 2),
    ("fails", "a", 4),
    ("pass", None),
]
WHO_IS_PUSHED_OFF_FINDS_THE_OTHER_MACHINE_PROMISED: list[Step] = [
    ("machine", "m4", {}, True),
    ("unit", "a", (), "launched", 0),
    ("unit", "c", ("Replaces=[a-e]*",), "launched", 0),
    *THREE_PASSES,
    ("machine", "m5", {}, True),
    ("answers", "m5", None),
    ("unit", "d@2", ("Conflicts=[ab].service",), "launched", 0),
    ("pass", None),
]


@often
@example(A_PEER_GOES_AND_ITS_FOLLOWER_IS_LEFT)
@example(WHO_LEAVES_ONE_PLACE_COUNTS_IN_THE_OTHER)
@example(A_ROUND_IS_OPEN_FOR_ONE_WHO_HAS_COME_AND_CANNOT_RUN)
@given(histories)
def test_a_plan_made_from_what_changed_is_the_plan_made_from_nothing(history: Sequence[Step]) -> None:
    world = World()
    for step in [*history, ("pass", None)]:
        if step[0] != "pass":
            world.happen(step)
            continue
        made = world.planned()
        assert made == plan(world.cluster, world.memory, now=world.now, grace=GRACE)
        assert isinstance(step[1], int | None)
        world.take(made, step[1])


@often
@given(histories)
def test_the_same_question_asked_twice_has_the_same_answer(history: Sequence[Step]) -> None:
    world = lived(history)
    assert world.planned() == world.planned()


@often
@given(histories)
def test_nothing_moves_without_a_reason(history: Sequence[Step]) -> None:
    world = World()
    for step in [*history, ("pass", None)]:
        if step[0] != "pass":
            world.happen(step)
            continue
        made = world.planned()
        assert unexcused(world.cluster, made.decisions) == []
        assert isinstance(step[1], int | None)
        world.take(made, step[1])


@often
@given(histories)
def test_no_award_breaks_a_rule_or_starts_a_second_copy(history: Sequence[Step]) -> None:
    world = World()
    for step in [*history, ("pass", None)]:
        if step[0] != "pass":
            world.happen(step)
            continue
        made = world.planned()
        before = world.cluster
        broken = set(wrong(before))
        world.take(made)
        assert set(wrong(world.cluster)) <= broken, "a plan mends, it never breaks"
        for award in (d for d in made.decisions if isinstance(d, Award)):
            entry = award.entry
            assert unfit(before, before.units[entry.name], entry.machine) is None
            running = {m for m, r in before.reports.get(entry.name, {}).items() if r.active == "active"}
            assert not running & before.machines.keys(), "no second copy while the first one runs"


def at_rest(world: World) -> Cluster:
    """Where a world comes to rest once its hosts are well."""
    world.answers.clear()
    world.happen(("agents", True))
    world.now += 60.0
    course = to_rest(world.cluster, world.memory, now=world.now, grace=GRACE, until=world.now + 60.0)
    return course.end


@often
@example(WHO_IS_PUSHED_OFF_FINDS_THE_OTHER_MACHINE_PROMISED)
@given(histories)
def test_every_history_comes_to_a_rest_at_which_all_rules_hold(history: Sequence[Step]) -> None:
    end = at_rest(lived(history))
    assert list(wrong(end)) == []
    for name, unit in end.units.items():
        placed = end.schedule.get(name, {}).keys() & end.machines.keys()
        if unit.is_global or not unit.desired.is_placed:
            assert not end.schedule.get(name)
        elif not placed:
            assert [m for m in end.machines if has_place_for(end, unit, m)] == [], name


@often
@given(histories, st.integers(0, 30))
def test_a_leader_that_fails_in_the_middle_of_a_plan_is_followed_by_a_sound_one(
    history: Sequence[Step], cut: int
) -> None:
    world = lived(history)
    world.take(world.planned(), cut)
    world.lead_anew()
    assert list(wrong(at_rest(world))) == []


@often
@given(histories)
def test_each_unit_goes_to_a_machine_that_is_least_loaded_within_one(history: Sequence[Step]) -> None:
    world = lived(history)
    world.answers.clear()
    world.happen(("agents", True))
    world.now += 60.0
    world.lead_anew()
    for _ in range(8):
        made = world.planned()
        for number, decision in enumerate(made.decisions):
            if isinstance(decision, Award):
                seen = carried_out(world.cluster, made.decisions[:number])
                assert_nearly_least_loaded(seen, decision)
        world.take(made)
        world.now += BID_WINDOW / 10


def assert_nearly_least_loaded(cluster: Cluster, award: Award) -> None:
    unit = cluster.units[award.entry.name]
    """Where all is visible in the schedule: no global units, nobody pushed off, no award ahead of offers."""
    special = any(u.is_global or u.wants.replaces for u in cluster.units.values())
    if special or not all(machine.bids for machine in cluster.machines.values()):
        return
    loads = {m: sum(m in by for by in cluster.schedule.values()) for m in cluster.machines}
    free = [loads[m] for m in cluster.machines if has_place_for(cluster, unit, m)]
    assert loads[award.entry.machine] <= min(free, default=0) + 1


def passes_until(world: World, time: float) -> None:
    """Let the leader look whenever it would, until just before a time."""
    while True:
        made = world.planned()
        world.take(made)
        if made.decisions:
            continue
        if made.wake_at is None or made.wake_at >= time:
            break
        world.now = made.wake_at
    world.now = time


LATE = st.floats(0, 2 * GRACE, exclude_max=True)
"""How long after the store came back etcd may end the lease of a host that has not found it again yet."""


@often
@example(
    [("machine", "m1", {}, True), ("machine", "m2", {}, True), ("unit", "a", (), "launched", 0)],
    {"m1"},
    5.0,
    4.9,
)
@given(histories, st.sets(st.sampled_from(MACHINES)), LATE, st.floats(0, GRACE, exclude_max=True))
def test_hosts_that_find_the_store_again_later_than_others_lose_nothing(
    history: Sequence[Step], slow: set[str], late: float, slower: float
) -> None:
    world = lived(history)
    world.cluster = before = at_rest(world)
    world.lead_anew()
    world.happen(("away",))
    back_at = world.now + late + slower
    world.now += late
    for id in slow:
        world.happen(("lose", id))
    passes_until(world, back_at)
    assert world.cluster.schedule == before.schedule
    back = {id: machine for id, machine in before.machines.items() if id in slow}
    world.cluster = replace(world.cluster, machines={**world.cluster.machines, **back})
    assert at_rest(world).schedule == before.schedule


def test_a_machine_that_comes_back_gets_nothing_back() -> None:
    world = World()
    for id in MACHINES:
        world.happen(("machine", id, {}, True))
    for name in "abcefgh":
        world.happen(("unit", name, (), "launched", 0))
    world.cluster = at_rest(world)
    world.happen(("lose", "m1"))
    moved = at_rest(world)
    world.cluster = moved
    world.happen(("machine", "m1", {}, True))
    assert not any(isinstance(d, Award | Unschedule) for d in world.planned().decisions)
