"""Small words for clusters, so that a test reads as the situation it is about.

    cluster(unit("a"), unit("b", "MachineOf=a.service"), machines="m1 m2", schedule="a@m1")

Names without a type are services. Machines may carry metadata: `"m1 m2:disk=ssd,zone=a"`.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from engine.cluster import Cluster, Unit
from registry.records import Bid, Report, ScheduleEntry
from units.file import UnitFile
from units.machine import Machine
from units.requirements import Requirements
from units.state import TargetState

Placed = TypeVar("Placed", Bid, Report, ScheduleEntry)


def full(name: str) -> str:
    """`a` is `a.service`; a name with a type stays as it is."""
    return name if "." in name else f"{name}.service"


def unit_file(*fleet_lines: str) -> UnitFile:
    """A service with these lines in its [X-Fleet] section."""
    text = "[Service]\nExecStart=/bin/sleep infinity\n"
    if fleet_lines:
        text += "\n[X-Fleet]\n" + "\n".join(fleet_lines) + "\n"
    return UnitFile.from_text(text)


def unit(name: str, *fleet_lines: str, desired: str = "launched") -> Unit:
    """A unit that its owner wants in a state, launched if nothing is said."""
    file = unit_file(*fleet_lines)
    wants = Requirements.of(full(name), file.options)
    return Unit(full(name), file.hash, TargetState(desired), wants)


def machines_of(words: str) -> dict[str, Machine]:
    """`"m1 m2:disk=ssd"` as machines by ID."""
    made = {}
    for word in words.split():
        id, _, metadata = word.partition(":")
        pairs = dict(pair.split("=") for pair in metadata.split(",") if pair)
        made[id] = Machine(id=id, metadata=pairs)
    return made


def cluster(
    *units: Unit, machines: str = "", schedule: str = "", running: str = "", bids: tuple[Bid, ...] = ()
) -> Cluster:
    """A cluster. `schedule` and `running` are words like `a@m1`; running ones have an active report."""
    by_name = {u.name: u for u in units}
    return Cluster(
        units=by_name,
        schedule=_by_name_and_machine(_entry(word, by_name) for word in schedule.split()),
        machines=machines_of(machines),
        reports=_by_name_and_machine(_report(word, by_name) for word in running.split()),
        bids=_by_name_and_machine(bids),
    )


def places(cluster: Cluster) -> str:
    """Where everything is, as words: `a@m1 b@m2`, without the type of services."""
    pairs = [(n, m) for n, by in cluster.schedule.items() for m in by]
    return " ".join(f"{n.removesuffix('.service')}@{m}" for n, m in sorted(pairs))


def _by_name_and_machine(records: Iterable[Placed]) -> dict[str, dict[str, Placed]]:
    made: dict[str, dict[str, Placed]] = {}
    for record in records:
        made.setdefault(record.name, {})[record.machine] = record
    return made


def _split(word: str) -> tuple[str, str]:
    name, _, machine = word.rpartition("@")
    return full(name), machine


def _entry(word: str, units: Mapping[str, Unit]) -> ScheduleEntry:
    name, machine = _split(word)
    known = units.get(name)
    desired = known.desired if known and known.desired.is_placed else TargetState.LAUNCHED
    return ScheduleEntry(machine, name, known.hash if known else "0" * 40, desired)


def _report(word: str, units: Mapping[str, Unit]) -> Report:
    name, machine = _split(word)
    known = units.get(name)
    return Report(
        machine=machine,
        name=name,
        hash=known.hash if known else "0" * 40,
        load="loaded",
        active="active",
        sub="running",
        launched=True,
        since=0.0,
    )
