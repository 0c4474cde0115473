"""All clusters of a small world, each plan cut short after every decision: all come to rest by the rules."""

from collections.abc import Mapping
from itertools import product
from typing import TypeVar

import pytest

from engine.cluster import Cluster
from engine.memory import Memory
from engine.plan import plan
from tests.builders import cluster, unit
from tests.engine.world import at_rest, carried_out
from units.placement import conflict_between

V = TypeVar("V")

FLEET_LINES = {
    "free": (),
    "conflicts": ("Conflicts=*",),
    "follows": ("MachineOf={other}.service",),
    "replaces": ("Replaces={other}.service",),
    "fussy": ("MachineMetadata=x=1",),
}
PLACES = ("", "@m1", "@m2", "@m9")
MACHINES = ("", "m1", "m1 m2", "m1 m2:x=1")


def worlds() -> list[Cluster]:
    made = []
    for kind_a, kind_b, place_a, place_b, machines, desired_a in product(
        FLEET_LINES, FLEET_LINES, PLACES, PLACES, MACHINES, ("launched", "inactive")
    ):
        a = unit("a", *(line.format(other="b") for line in FLEET_LINES[kind_a]), desired=desired_a)
        b = unit("b", *(line.format(other="a") for line in FLEET_LINES[kind_b]))
        words = " ".join(n + p for n, p in (("a", place_a), ("b", place_b)) if p)
        made.append(cluster(a, b, machines=machines, schedule=words))
    return made


WORLDS = worlds()


def broken_rule(world: Cluster) -> str | None:
    """What is wrong with a cluster that is at rest, or None."""
    for name, by_machine in world.schedule.items():
        if len(by_machine) > 1:
            return f"{name} is on two machines"
        unit = world.units[name]
        for machine in by_machine.keys() & world.machines.keys():
            if not unit.wants.metadata_met_by(world.machines[machine].metadata):
                return f"{name} is on {machine}, whose metadata do not fit"
            for other, theirs in world.schedule.items():
                if machine in theirs and conflict_between(name, unit.wants, other, world.units[other].wants):
                    return f"{name} and {other} conflict and share {machine}"
    return None


@pytest.mark.parametrize("part", range(4))
def test_every_small_cluster_comes_to_rest_without_a_broken_rule(part: int) -> None:
    for world in WORLDS[part::4]:
        end, _, _ = at_rest(world)
        assert broken_rule(end) is None, world


@pytest.mark.parametrize("part", range(4))
def test_a_plan_cut_short_anywhere_still_comes_to_the_same_rest_rules(part: int) -> None:
    for world in WORLDS[part::4]:
        made = plan(world, Memory(), now=0.0, grace=0.0)
        for cut in range(len(made.decisions)):
            torn = carried_out(world, made.decisions[:cut])
            end, _, _ = at_rest(torn, Memory(epoch="next leader"))
            assert broken_rule(end) is None, (world, cut)


def backwards(mapping: Mapping[str, V]) -> dict[str, V]:
    return dict(reversed(list(mapping.items())))


def test_the_order_of_the_input_never_changes_the_plan() -> None:
    for world in WORLDS[::7]:
        turned = Cluster(
            units=backwards(world.units),
            schedule=backwards(world.schedule),
            machines=backwards(world.machines),
        )
        assert plan(turned, Memory(), now=0.0, grace=0.0) == plan(world, Memory(), now=0.0, grace=0.0)
