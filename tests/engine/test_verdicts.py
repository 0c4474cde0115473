"""What is kept with each unit about its placement: who was ruled out, asked, refused, and who won."""

import asyncio
from dataclasses import replace

from engine.cluster import Cluster
from engine.decisions import Award, Decision, Explained, Forgotten
from engine.explanations import PAUSE
from engine.memory import Memory
from engine.plan import plan
from engine.rehearsal import Answer as Answering
from engine.rehearsal import to_rest, willing
from registry.memory import MemoryRegistry, MemoryStore
from registry.records import Answer, Bid, Job, RuledOut, Verdict
from tests.builders import cluster, unit
from tests.engine.test_loop import engine, host, launch, until
from units.state import TargetState

LACKS = "local Machine metadata insufficient"


def explained(world: Cluster, answer: Answering = willing) -> list[Decision]:
    course = to_rest(world, answer=answer)
    return [d for d in course.decisions if isinstance(d, Explained | Forgotten)]


def test_a_unit_that_waits_is_explained_once_constraint_by_constraint() -> None:
    world = cluster(
        unit("a", "MachineMetadata=x=1", "Conflicts=b.service"),
        unit("b"),
        machines="m1 m2 m3 m4 m5:x=1",
        schedule="b@m5",
    )
    conflict = "found conflict with locally-scheduled Unit([b.service])"
    assert explained(world) == [
        Explained(
            Verdict(
                "a.service",
                f"none of 5 machines qualifies (4 by MachineMetadata: {LACKS}; 1 by Conflicts: {conflict})",
                machines=5,
                ruled_out=(
                    RuledOut("MachineMetadata", 4, ("m1", "m2", "m3"), LACKS),
                    RuledOut("Conflicts", 1, ("m5",), conflict),
                ),
            ),
            waited=0.0,
        )
    ]


def test_only_a_machine_that_is_gone_is_said_to_have_gone_away() -> None:
    world = cluster(unit("a", "MachineMetadata=x=1"), machines="m1", schedule="a@m1")
    assert explained(world) == [
        Explained(
            Verdict(
                "a.service",
                f"none of 1 machines qualifies (1 by MachineMetadata: {LACKS})",
                machines=1,
                ruled_out=(RuledOut("MachineMetadata", 1, ("m1",), LACKS),),
            ),
            waited=0.0,
        )
    ]


def test_a_placed_unit_keeps_who_was_asked_and_who_said_what() -> None:
    def answer(machine: str, name: str) -> Bid | None:
        refusal = "not enough memory" if machine == "m1" else None
        return None if machine == "m2" else Bid(machine, name, "", price=0.5, refusal=refusal)

    world = cluster(unit("a"), unit("b"), machines="m1 m2 m3", schedule="b@m3")
    (made,) = explained(world, answer)
    assert made == Explained(
        Verdict(
            "a.service",
            "lowest of 3 offers (load 1 + price 0.5)",
            machines=3,
            answers=(Answer("m1", refusal="not enough memory"), Answer("m2"), Answer("m3", 1, 0.5)),
            winner="m3",
        ),
        waited=None,
    )


def test_refusals_of_earlier_rounds_stay_in_the_verdict_of_the_award() -> None:
    def answer(machine: str, name: str) -> Bid | None:
        return willing(machine, name) if machine == "m4" else Bid(machine, name, "", refusal="cordoned")

    (made,) = explained(cluster(unit("a"), machines="m1 m2 m3 m4"), answer)
    assert isinstance(made, Explained)
    assert made.verdict.answers == (
        Answer("m4", 0, 0.0),
        *(Answer(m, refusal="cordoned") for m in ("m1", "m2", "m3")),
    )


def test_another_reason_is_told_after_a_pause_and_the_same_one_never_again() -> None:
    def at(now: float, world: Cluster, memory: Memory) -> tuple[list[Decision], Memory]:
        made = plan(world, memory, now=now, grace=30.0)
        return list(made.decisions), made.memory

    few = cluster(unit("a", "MachineMetadata=x=1"), machines="m1")
    more = cluster(unit("a", "MachineMetadata=x=1"), machines="m1 m2")
    first, memory = at(0.0, few, Memory())
    assert [type(d) for d in first] == [Explained]
    assert at(PAUSE / 2, few, memory)[0] == []
    early = plan(more, memory, now=PAUSE / 2, grace=30.0)
    assert (early.decisions, early.wake_at) == ((), PAUSE)
    late, memory = at(PAUSE, more, memory)
    assert [(d.verdict.machines, d.waited) for d in late if isinstance(d, Explained)] == [(2, PAUSE)]
    assert at(100.0, more, memory)[0] == []


def test_a_unit_that_had_to_wait_says_for_how_long_when_it_is_placed() -> None:
    poor = cluster(unit("a", "MachineMetadata=x=1"), machines="m1")
    memory = plan(poor, Memory(), now=0.0, grace=30.0).memory
    rich = cluster(unit("a", "MachineMetadata=x=1"), machines="m1 m2:x=1")
    course = to_rest(rich, memory, now=10.0)
    (made,) = (d for d in course.decisions if isinstance(d, Explained))
    assert (made.verdict.winner, made.waited) == ("m2", 10.0)
    assert course.last.memory.said == {}


def test_what_nobody_wants_any_more_is_forgotten() -> None:
    waiting = cluster(unit("a", "MachineMetadata=x=1"), machines="m1")
    memory = plan(waiting, Memory(), now=0.0, grace=30.0).memory
    gone = replace(waiting, units={})
    assert plan(gone, memory, now=1.0, grace=30.0).decisions == (Forgotten("a.service"),)
    stopped = cluster(unit("a", desired="inactive"), machines="m1", schedule="a@m1")
    assert explained(stopped) == [Forgotten("a.service")]


def test_a_verdict_comes_before_its_award_so_there_is_no_award_without_one() -> None:
    decisions = to_rest(cluster(unit("a"), machines="m1")).decisions
    assert [type(d) for d in decisions[-2:]] == [Explained, Award]


async def told(store: MemoryStore, name: str, *, after: float = 0.0) -> Verdict:
    """The first verdict on a unit that is of a later time."""
    async with asyncio.timeout(3):
        while True:
            verdict = await MemoryRegistry(store).verdict(name)
            if verdict is not None and verdict.at > after:
                return verdict


async def test_the_registry_keeps_why_a_unit_waits_over_a_change_of_leaders() -> None:
    store = MemoryStore()
    async with host(store, "m1"):
        async with engine(store, "m1"):
            await launch(store, "a.service", "MachineMetadata=x=1")
            first = await told(store, "a.service")
            assert first.ruled_out == (RuledOut("MachineMetadata", 1, ("m1",), LACKS),)
            assert first.waiting_since == first.at > 0
        async with engine(store, "m2"):
            await until(store, lambda p: p.leader is not None and p.leader.machine == "m2")
            second = await told(store, "a.service", after=first.at)
    assert second.waiting_since == first.waiting_since


async def test_a_cluster_at_rest_writes_nothing() -> None:
    store = MemoryStore()
    async with host(store, "m1"), engine(store, "m1"):
        await launch(store, "a.service", "MachineMetadata=x=1")
        await launch(store, "b.service")
        await until(store, lambda p: "b.service" in p.schedule)
        await told(store, "a.service")
        assert (await told(store, "b.service")).winner == "m1"
        newest = store.newest
        for _ in range(100):
            await asyncio.sleep(0)
        assert store.newest == newest


async def test_a_destroyed_unit_leaves_no_verdict() -> None:
    store = MemoryStore()
    registry = MemoryRegistry(store)
    async with host(store, "m1"), engine(store, "m1"):
        await launch(store, "a.service")
        await told(store, "a.service")
        job = await registry.job("a.service")
        assert job is not None
        await registry.destroy(job)
        await until(store, lambda p: not p.schedule)
        assert [key for key in store.dump() if key.startswith("verdict/")] == []


async def test_a_stopped_unit_leaves_no_verdict() -> None:
    store = MemoryStore()
    registry = MemoryRegistry(store)
    async with host(store, "m1"), engine(store, "m1"):
        await launch(store, "a.service")
        await told(store, "a.service")
        job = await registry.job("a.service")
        assert job is not None
        await registry.save(Job(job.name, job.hash, TargetState.INACTIVE), None, seen=job)
        await until(store, lambda p: not p.schedule)
        assert await registry.verdict("a.service") is None
