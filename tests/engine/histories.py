"""Random clusters and what happens to them: strategies for hypothesis."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import TypeVar

from hypothesis import strategies as st

from engine.cluster import Cluster, Unit
from engine.decisions import Award, Decision, Unschedule
from engine.memory import Memory
from engine.plan import Plan, Planner
from engine.rehearsal import carried_out
from registry.records import Bid, Report, ScheduleEntry
from tests.builders import full, unit
from units.machine import BID, Machine
from units.state import TargetState

Record = TypeVar("Record")

NAMES = ("a", "b", "c", "d@1", "d@2", "e", "f", "g", "h")
MACHINES = ("m1", "m2", "m3", "m4", "m5")
LINES = (
    (),
    (),
    ("MachineMetadata=x=1",),
    ("MachineMetadata=x=1", "MachineMetadata=x=2", "MachineMetadata=y=1"),
    ("MachineID=m1",),
    ("MachineID=m9",),
    ("MachineOf=a.service",),
    ("MachineOf=b.service",),
    ("MachineOf=h.service",),
    ("MachineOf=e.service", "MachineOf=a.service"),
    ("MachineOf=g.service", "Conflicts=d@*.service"),
    ("Conflicts=*",),
    ("Conflicts=d@*.service",),
    ("Conflicts=[ab].service",),
    ("Conflicts=g.service f.service",),
    ("Replaces=a.service",),
    ("Replaces=[a-e]*",),
    ("Global=true",),
    ("Global=true", "MachineMetadata=x=1", "Conflicts=b.service"),
    ("Global=true", "Conflicts=d@*.service"),
)
METADATA: tuple[dict[str, str], ...] = (
    {},
    {"x": "1"},
    {"x": "2"},
    {"x": "1", "y": "1"},
    {"x": "2", "y": "1"},
)
GRACE = 5.0

Step = tuple[object, ...]

names = st.sampled_from(NAMES)
ids = st.sampled_from(MACHINES)
units = st.tuples(
    st.just("unit"),
    names,
    st.sampled_from(LINES),
    st.sampled_from(("launched", "loaded", "inactive", "launched")),
    st.integers(0, 1),
)
machines = st.tuples(
    st.just("machine"), ids, st.sampled_from(METADATA), st.sampled_from((True, True, True, False))
)
answers = st.tuples(st.just("answers"), ids, st.sampled_from((0.0, 0.0, 0.5, 2.0, "no room", None)))
steps: st.SearchStrategy[Step] = st.one_of(
    units,
    units,
    machines,
    machines,
    st.tuples(st.just("pass"), st.none()),
    st.tuples(st.just("pass"), st.none()),
    st.tuples(st.just("pass"), st.none()),
    st.tuples(st.just("pass"), st.integers(0, 3)),
    st.tuples(st.just("agents"), st.booleans()),
    st.tuples(st.just("destroy"), names),
    st.tuples(st.just("unreadable"), names),
    st.tuples(st.just("lose"), ids),
    st.tuples(st.just("stray"), names, ids),
    st.tuples(st.just("stray"), names, ids),
    st.tuples(st.just("off"), names, ids),
    st.tuples(st.just("fails"), names, st.integers(3, 5)),
    st.tuples(st.just("fails"), names, st.integers(3, 5)),
    st.tuples(st.just("off"), names, ids),
    answers,
    st.tuples(st.just("wait"), st.sampled_from((0.1, 0.5, 1.0, 6.0))),
    st.tuples(st.just("new leader")),
    st.tuples(st.just("away")),
)
histories = st.tuples(
    st.lists(machines, min_size=1, max_size=5),
    st.lists(units, min_size=3, max_size=10),
    st.lists(steps, min_size=8, max_size=40),
).map(lambda parts: [*parts[0], *parts[1], *parts[2]])


@dataclass(slots=True)
class World:
    """A cluster that things happen to, with the planner of its leader."""

    cluster: Cluster = field(default_factory=Cluster)
    memory: Memory = field(default_factory=Memory)
    planner: Planner = field(default_factory=Planner)
    now: float = 0.0
    leaders: int = 0
    steady_since: float = -inf
    answers: dict[str, float | str | None] = field(default_factory=dict)

    def answer(self, machine: str, name: str) -> Bid | None:
        """How a machine answers now."""
        said = self.answers.get(machine, 0.0)
        if isinstance(said, str):
            return Bid(machine, name, "", refusal=said)
        return None if said is None else Bid(machine, name, "", price=said)

    def planned(self) -> Plan:
        """What the leader would do now."""
        self.memory = replace(self.memory, steady_since=self.steady_since)
        return self.planner.plan(self.cluster, self.memory, now=self.now, grace=GRACE)

    def take(self, made: Plan, cut: int | None = None) -> tuple[Decision, ...]:
        """Carry out a plan, or its first decisions: then the leader does not know how far it came."""
        done = made.decisions if cut is None else made.decisions[:cut]
        self.cluster = carried_out(self.cluster, done, self.answer)
        if cut is None or not made.decisions:
            self.memory = made.memory
        return done

    def happen(self, step: Step) -> None:
        """Let one thing happen that is not a plan."""
        cluster = self.cluster
        match step:
            case ("unit", str(name), tuple(lines), str(desired), int(content)):
                extra = ("# more",) * content
                made = unit(name, *lines, *extra, desired=desired)
                there = {**cluster.units, full(name): made}
                unreadable = cluster.unreadable - {full(name)}
                self.cluster = replace(cluster, units=there, unreadable=unreadable)
            case ("destroy", str(name)):
                there = {n: u for n, u in cluster.units.items() if n != full(name)}
                self.cluster = replace(cluster, units=there, unreadable=cluster.unreadable - {full(name)})
            case ("unreadable", str(name)):
                there = {n: u for n, u in cluster.units.items() if n != full(name)}
                self.cluster = replace(cluster, units=there, unreadable=cluster.unreadable | {full(name)})
            case ("machine", str(id), dict(metadata), bool(bids)):
                machine = Machine(id, metadata=metadata, capabilities=frozenset({BID} if bids else ()))
                self.cluster = replace(cluster, machines={**cluster.machines, id: machine})
            case ("lose", str(id)):
                self._lose(id)
            case ("stray", str(name), str(id)):
                self._stray(full(name), id)
            case ("off", str(name), str(id)):
                self._take_off(full(name), id)
            case ("fails", str(name), int(times)):
                self._fail(full(name), times)
            case ("answers", str(id), said):
                assert said is None or isinstance(said, float | str)
                self.answers[id] = said
            case ("agents", bool(stopped)):
                self.cluster = replace(cluster, reports=self._reports(stopped=stopped))
            case ("wait", float(seconds)):
                self.now += seconds
            case ("away",):
                self.steady_since = self.now
            case ("new leader",):
                self.lead_anew()
            case _:
                raise AssertionError(step)

    def lead_anew(self) -> None:
        """Another engine takes over, and knows nothing."""
        self.leaders += 1
        self.memory = Memory(epoch=f"leader{self.leaders}")
        self.planner = Planner()

    def _lose(self, id: str) -> None:
        cluster = self.cluster
        gone = cluster.reports.items()
        alive = {m: of for m, of in cluster.machines.items() if m != id}
        self.cluster = replace(
            cluster,
            machines=alive,
            bids={n: left for n, by in cluster.bids.items() if (left := _without(by, id))},
            reports={n: rest for n, by in gone if (rest := _without(by, id))},
        )

    def _stray(self, name: str, id: str) -> None:
        """An entry that another leader has written."""
        known = self.cluster.units.get(name)
        if known is not None:
            decision = Award(_entry(known, id), (), "")
            offers, bids = self.cluster.offers, self.cluster.bids
            self.cluster = replace(carried_out(self.cluster, [decision]), offers=offers, bids=bids)

    def _take_off(self, name: str, id: str) -> None:
        """An entry is gone that another leader has removed."""
        if id in self.cluster.schedule.get(name, {}):
            self.cluster = carried_out(self.cluster, [Unschedule(name, id, "")])

    def _fail(self, name: str, times: int) -> None:
        """The hosts of a unit cannot run it."""
        entries = self.cluster.schedule.get(name, {}).items() if name in self.cluster.units else ()
        said = {
            m: Report(m, name, e.hash, "error", "failed", "failed", True, 0.0, "no room", times)
            for m, e in entries
            if m in self.cluster.machines
        }
        if said:
            self.cluster = replace(self.cluster, reports={**self.cluster.reports, name: said})

    def _reports(self, *, stopped: bool) -> dict[str, dict[str, Report]]:
        """What agents say that have caught up, or have not yet stopped anything."""
        made: dict[str, dict[str, Report]] = {}
        if not stopped:
            made = {n: dict(by) for n, by in self.cluster.reports.items()}
        for name, by in self.cluster.schedule.items():
            for machine in by.keys() & self.cluster.machines.keys():
                made.setdefault(name, {})[machine] = _running(name, machine)
        return made


def _without(by: Mapping[str, Record], id: str) -> dict[str, Record]:
    return {machine: record for machine, record in by.items() if machine != id}


def _entry(known: Unit, machine: str) -> ScheduleEntry:
    return ScheduleEntry(machine, known.name, known.hash, TargetState.LAUNCHED)


def _running(name: str, machine: str) -> Report:
    return Report(machine, name, "", "loaded", "active", "running", launched=True, since=0.0)
