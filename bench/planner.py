"""The planner alone, on one core: `python -m bench.planner`.

Columns: 10 units for each machine placed from nothing; then, all passes together until nothing is left to do,
one more unit, one lost machine with its units, nothing at all, and one more unit beside 1,000 that wait.

Times are of the processor, the best of a few runs; compare lines of one run, not runs.
Agents answer in no time.
"""

import argparse
import gc
from collections.abc import Callable
from dataclasses import replace
from time import process_time

from engine.cluster import Cluster, Unit
from engine.memory import Memory
from engine.plan import Planner
from engine.rehearsal import carried_out
from units.machine import Machine
from units.requirements import EMPTY, Requirements
from units.state import TargetState


def fleet(machines: int, units: int) -> Cluster:
    """Units of which one in 20 conflicts with nine others, and one in 20 follows another."""
    return Cluster(
        machines={f"m{i:05}": Machine(f"m{i:05}", metadata={"zone": f"z{i % 3}"}) for i in range(machines)},
        units={unit.name: unit for unit in map(a_unit, range(units))},
    )


def a_unit(i: int) -> Unit:
    """The unit of this number."""
    name, wants = f"u{i:06}.service", EMPTY
    if i % 20 == 0:
        name = f"group{i // 200}@{i}.service"
        wants = Requirements(conflicts=(f"group{i // 200}@*.service",))
    elif i % 20 == 1:
        wants = Requirements(machine_of=(f"u{i + 1:06}.service",))
    elif i % 20 == 3:
        wants = Requirements(metadata=(("zone", frozenset({f"z{i % 3}"})),))
    return Unit(name, "1", TargetState.LAUNCHED, wants)


class Engine:
    """A planner in a world without delays, and the time that planning took."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.memory = Memory()
        self.planner = Planner()
        self.seconds = 0.0
        self.longest = 0.0
        self.passes = 0

    def rest(self) -> "Engine":
        """Plan until there is nothing left to do."""
        while True:
            started = process_time()
            made = self.planner.plan(self.cluster, self.memory, now=0.0, grace=0.0)
            took = process_time() - started
            self.seconds += took
            self.longest = max(self.longest, took)
            self.passes += 1
            self.memory = made.memory
            if not made.decisions:
                return self
            self.cluster = carried_out(self.cluster, made.decisions)

    def timed(self, cluster: Cluster) -> float:
        """Seconds of planning from here to rest in a changed cluster."""
        self.cluster, self.seconds, self.longest, self.passes = cluster, 0.0, 0.0, 0
        return self.rest().seconds


def one_more(engine: Engine) -> Cluster:
    """The cluster with one more unit."""
    unit = Unit(f"new{engine.memory.rounds}.service", "1", TargetState.LAUNCHED, EMPTY)
    return replace(engine.cluster, units={**engine.cluster.units, unit.name: unit})


def one_lost(engine: Engine) -> Cluster:
    """The cluster without the last of its machines."""
    machines = dict(engine.cluster.machines)
    machines.popitem()
    return replace(engine.cluster, machines=machines)


def stuck(engine: Engine) -> Cluster:
    """The cluster with 1,000 more units for which there is no machine, because of conflicts."""
    wants = Requirements(conflicts=("*",))
    more = (Unit(f"stuck{i}.service", "1", TargetState.LAUNCHED, wants) for i in range(1000))
    return replace(engine.cluster, units={**engine.cluster.units, **{u.name: u for u in more}})


def best(times: int, measure: Callable[[], float]) -> float:
    """The shortest of several measurements."""
    found = []
    for _ in range(times):
        gc.collect()
        found.append(measure())
    return min(found)


def row(machines: int, units: int, times: int) -> str:
    """One line of the table."""
    engines: list[Engine] = []

    def from_nothing() -> float:
        engines[:] = [Engine(fleet(machines, units)).rest()]
        return engines[0].seconds

    nothing = best(times, from_nothing)
    engine = engines[0]
    more = best(5, lambda: engine.timed(one_more(engine)))
    lost = best(5, lambda: engine.timed(one_lost(engine)))
    quiet = best(5, lambda: engine.timed(engine.cluster))
    engine.timed(stuck(engine))
    beside = best(5, lambda: engine.timed(one_more(engine)))
    per_unit = nothing / units * 1e6
    return (
        f"{machines:>8} {units:>7} {nothing:>9.2f} s {per_unit:>7.0f} µs"
        f" {more * 1e3:>9.2f} ms {lost * 1e3:>9.2f} ms {quiet * 1e3:>9.2f} ms {beside * 1e3:>14.2f} ms"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=10_000, help="machines in the last line")
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    print(
        "machines   units  from nothing     a unit      one more      one lost       at rest  1 beside stuck"
    )
    for machines in (100, 300, 1000, 3000, 10_000):
        if machines <= given.largest:
            print(row(machines, machines * 10, given.runs if machines <= 1000 else 1), flush=True)


if __name__ == "__main__":
    main()
