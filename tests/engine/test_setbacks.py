"""Units whose hosts cannot run them: with other hosts they end where they can run, else they come to rest."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.cluster import Cluster
from engine.decisions import Award, Decision, Explained, Unschedule
from engine.memory import Memory
from engine.plan import Planner, plan
from engine.rehearsal import carried_out, to_rest
from registry.records import Answer, Report
from tests.builders import cluster, places, unit

HOUR = 3600.0
SAID = "could not write a.service: No space left on device"


def failing(name: str, machine: str, hash: str, times: int = 4) -> Report:
    """What a host says that cannot run a unit."""
    return Report(machine, name, hash, "error", "failed", "failed", True, 0.0, SAID, times)


@dataclass
class World:
    """A cluster whose agents come to know within a moment whether they can run what they are told."""

    cluster: Cluster
    sick: Callable[[str, float], bool]
    """Whether a machine fails at a time."""
    memory: Memory = field(default_factory=Memory)
    now: float = 0.0
    moves: list[tuple[float, str]] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)

    def live(self, until: float) -> None:
        """Let the leader plan whenever it wants to, or something is new."""
        planner = Planner()
        while self.now < until:
            self._agents()
            made = planner.plan(self.cluster, self.memory, now=self.now, grace=5.0)
            self.memory = made.memory
            self.decisions += made.decisions
            self.moves += [(self.now, d.entry.machine) for d in made.decisions if isinstance(d, Award)]
            self.cluster = carried_out(self.cluster, made.decisions)
            for name, by in self.cluster.schedule.items():
                assert len(by) == 1, name
            if not made.decisions:
                self.now = min(made.wake_at or until, until)

    def _agents(self) -> None:
        reports = {
            name: {machine: self._said(name, machine, entry.hash) for machine, entry in by.items()}
            for name, by in self.cluster.schedule.items()
        }
        self.cluster = replace(self.cluster, reports=reports)

    def _said(self, name: str, machine: str, hash: str) -> Report:
        if self.sick(machine, self.now):
            return failing(name, machine, hash)
        return Report(machine, name, hash, "loaded", "active", "running", True, 0.0)


machines = st.lists(st.sampled_from(["m1", "m2", "m3", "m4", "m5"]), min_size=1, unique=True)


@settings(max_examples=60)
@example(["m1", "m2", "m3", "m4", "m5"], {"m1", "m2", "m3", "m4"})  # the last one is the one that is well
@given(machines, st.sets(st.sampled_from(["m1", "m2", "m3", "m4", "m5"])))
def test_a_unit_ends_on_a_host_that_can_run_it_or_rests(there: list[str], sick: set[str]) -> None:
    world = World(cluster(unit("a"), machines=" ".join(there)), lambda machine, now: machine in sick)
    world.live(HOUR)
    (place,) = world.cluster.schedule["a.service"]
    if well := set(there) - sick:
        assert place in well
        assert len(world.moves) <= len(sick & set(there)) + 1
    assert len(world.moves) <= 10, "each waits twice as long as the one before"


def test_what_fails_everywhere_moves_ever_more_seldom() -> None:
    world = World(cluster(unit("a"), machines="m1 m2 m3"), lambda machine, now: True)
    world.live(6 * HOUR)
    times = [when for when, _ in world.moves]
    pauses = [later - earlier for earlier, later in pairwise(times[1:])]
    assert all(later >= earlier for earlier, later in pairwise(pauses))
    assert 5 < len(times) < 13


def test_a_host_that_is_well_again_gets_the_unit_that_fails_everywhere_else() -> None:
    world = World(cluster(unit("a"), machines="m1 m2"), lambda machine, now: machine == "m2" or now < 600)
    world.live(HOUR)
    assert places(world.cluster) == "a@m1"
    later = plan(world.cluster, world.memory, now=4 * HOUR, grace=5.0)
    assert later.memory.setbacks == {}, "in the end nothing is held against anybody"


def test_the_verdict_of_the_next_place_tells_what_the_last_host_said() -> None:
    a = unit("a")
    sick = replace(
        cluster(a, machines="m1 m2", schedule="a@m1"),
        reports={"a.service": {"m1": failing("a.service", "m1", a.hash)}},
    )
    course = to_rest(sick)
    (verdict,) = (d.verdict for d in course.decisions if isinstance(d, Explained))
    assert verdict.winner == "m2"
    assert Answer("m1", refusal=SAID) in verdict.answers
    (left,) = (d for d in course.decisions if isinstance(d, Unschedule))
    assert left.reason == f"target Machine(m1) unable to run unit: {SAID}"


def test_the_verdict_of_a_unit_that_stays_tells_why_nobody_else_takes_it() -> None:
    a = unit("a", "MachineMetadata=x=1")
    sick = replace(
        cluster(a, machines="m1:x=1 m2", schedule="a@m1"),
        reports={"a.service": {"m1": failing("a.service", "m1", a.hash)}},
    )
    made = plan(sick, Memory(), now=0.0, grace=0.0)
    (verdict,) = (d.verdict for d in made.decisions if isinstance(d, Explained))
    assert verdict.winner == "m1"
    assert verdict.reason == (
        "stays on Machine(m1): none of 2 machines qualifies (1 by MachineMetadata: "
        f"local Machine metadata insufficient; 1 by refusal: {SAID})"
    )
    assert made.waiting == {}
    assert made.wake_at == 10.0
