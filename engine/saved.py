"""Clusters and memories as JSON: what a replay reads, and what the golden cases are written in.

Rule 1: what is saved and read again gives the same plan. What no plan looks at is left out.
Rule 2: what is usual need not be written: a unit is wanted `launched`, an entry is as its unit wants it.

    {"machines": {"m1": {"disk": "ssd"}, "m2": {}},
     "units": {"a.service": {"Conflicts": ["b.service"], "desired": "loaded"}, "b.service": {}},
     "without_bids": ["m2"],
     "schedule": {"a.service": {"m1": {}}},
     "reports": {"a.service": {"m1": "active"}},
     "offers": {"b.service": {"m2": "0.1"}},
     "bids": {"b.service": {"m2": {"offer": "0.1", "price": 2}}},
     "now": 0, "grace": 30, "memory": {…}}
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from engine.cluster import Cluster, Unit
from engine.memory import Memory
from engine.saved_memory import memory_as_json, memory_from_json
from registry.records import Bid, Offer, Report, ScheduleEntry
from units.machine import BID, Machine
from units.requirements import Requirements
from units.state import TargetState

Json = dict[str, Any]
Record = TypeVar("Record")

LISTS = {"MachineOf": "machine_of", "Conflicts": "conflicts", "Replaces": "replaces"}


@dataclass(frozen=True, slots=True)
class Moment:
    """All that one plan is made from. `now` and `grace` are in seconds, `now` of some event loop's clock."""

    cluster: Cluster
    memory: Memory = field(default_factory=Memory)
    now: float = 0.0
    grace: float = 30.0


class NotSaved(ValueError):
    """What was read is no saved moment; the message says where it differs."""


def as_json(moment: Moment) -> Json:
    """A moment as plain JSON values; tables in the order of their keys, empty ones left out."""
    cluster = moment.cluster
    tables = {
        "machines": {id: dict(sorted(m.metadata.items())) for id, m in sorted(cluster.machines.items())},
        "left": dict(sorted(cluster.left.items())),
        "without_bids": sorted(id for id, m in cluster.machines.items() if not m.bids),
        "units": {name: _unit_as_json(unit) for name, unit in sorted(cluster.units.items())},
        "unreadable": sorted(cluster.unreadable),
        "schedule": _nested(cluster.schedule, lambda entry: _entry_as_json(entry, cluster)),
        "reports": _nested(cluster.reports, _report_as_json),
        "offers": _nested(cluster.offers, lambda offer: offer.id),
        "bids": _nested(cluster.bids, _bid_as_json),
        "memory": memory_as_json(moment.memory),
    }
    return {**{k: v for k, v in tables.items() if v}, "now": moment.now, "grace": moment.grace}


def from_json(saved: Json) -> Moment:
    """The moment that was saved, or written by hand. Raises NotSaved."""
    try:
        return Moment(
            cluster=_cluster(saved),
            memory=memory_from_json(saved.get("memory", {})),
            now=float(saved.get("now", 0.0)),
            grace=float(saved.get("grace", 30.0)),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotSaved(f"no saved moment of a cluster: {error!r}") from error


def _cluster(saved: Json) -> Cluster:
    units = {name: _unit(name, value) for name, value in saved.get("units", {}).items()}
    deaf = frozenset(saved.get("without_bids", ()))

    def table(key: str, read: Callable[[str, str, Any], Record]) -> dict[str, dict[str, Record]]:
        rows: Json = saved.get(key, {})
        return {n: {m: read(n, m, value) for m, value in by.items()} for n, by in rows.items()}

    return Cluster(
        units=units,
        unreadable=frozenset(saved.get("unreadable", ())),
        schedule=table("schedule", lambda n, m, value: _entry(n, m, value, units)),
        machines={id: _machine(id, of, deaf) for id, of in saved.get("machines", {}).items()},
        left=saved.get("left", {}),
        reports=table("reports", lambda n, m, value: _report(n, m, value, units)),
        offers=table("offers", lambda n, m, id: Offer(m, n, id, units[n].hash if n in units else "")),
        bids=table("bids", lambda n, m, value: Bid(m, n, **value)),
    )


def _machine(id: str, metadata: Json, deaf: frozenset[str]) -> Machine:
    return Machine(id, metadata=metadata, capabilities=frozenset() if id in deaf else frozenset({BID}))


def _unit_as_json(unit: Unit) -> Json:
    wants = unit.wants
    said: Json = {option: list(getattr(wants, name)) for option, name in LISTS.items()}
    said["MachineMetadata"] = {key: sorted(values) for key, values in wants.metadata}
    said["Global"] = wants.is_global
    said["DropIns"] = wants.has_drop_ins
    told = {option: value for option, value in said.items() if value}
    if wants.machine_id is not None:
        told["MachineID"] = wants.machine_id
    if unit.desired is not TargetState.LAUNCHED:
        told["desired"] = unit.desired.value
    return {**told, "hash": unit.hash} if unit.hash else told


def _unit(name: str, value: Json) -> Unit:
    metadata = value.get("MachineMetadata", {})
    wants = Requirements(
        machine_id=value.get("MachineID"),
        metadata=tuple((key, frozenset(_several(metadata[key]))) for key in sorted(metadata)),
        is_global=value.get("Global", False),
        has_drop_ins=value.get("DropIns", False),
        **{name: tuple(_several(value.get(option, ()))) for option, name in LISTS.items()},
    )
    known = {*LISTS, "MachineMetadata", "MachineID", "Global", "DropIns", "desired", "hash"}
    if unknown := value.keys() - known:
        raise NotSaved(f"{name} has {', '.join(sorted(unknown))}")
    return Unit(name, value.get("hash", ""), TargetState(value.get("desired", "launched")), wants)


def _several(value: str | Iterable[str]) -> Iterable[str]:
    return (value,) if isinstance(value, str) else value


def _entry_as_json(entry: ScheduleEntry, cluster: Cluster) -> Json:
    usual = _entry(entry.name, entry.machine, {}, cluster.units)
    told = {"hash": entry.hash, "desired": entry.desired.value}
    return {key: value for key, value in told.items() if value != getattr(usual, key)}


def _entry(name: str, machine: str, value: Json, units: Mapping[str, Unit]) -> ScheduleEntry:
    unit = units.get(name)
    wanted = unit.desired if unit and unit.desired.is_placed else TargetState.LAUNCHED
    desired = TargetState(value.get("desired", wanted))
    return ScheduleEntry(machine, name, value.get("hash", unit.hash if unit else ""), desired)


TROUBLE = ("hash", "load", "failures", "reason")
"""What a plan reads of a report, besides the active state, once the host has failed."""


def _report_as_json(report: Report) -> Json | str:
    if not report.failures:
        return report.active
    return {"active": report.active, **{key: getattr(report, key) for key in TROUBLE}}


def _report(name: str, machine: str, said: Json | str, units: Mapping[str, Unit]) -> Report:
    told: Json = {"active": said} if isinstance(said, str) else said
    usual = {"hash": units[name].hash if name in units else "", "load": "loaded", "sub": ""}
    return Report(machine, name, launched=True, since=0.0, **{**usual, **told})


def _bid_as_json(bid: Bid) -> Json:
    answer: Json = {"price": bid.price} if bid.refusal is None else {"refusal": bid.refusal}
    return {"offer": bid.offer, **answer}


def _nested(rows: Mapping[str, Mapping[str, Record]], told: Callable[[Record], Any]) -> Json:
    return {name: {m: told(by[m]) for m in sorted(by)} for name, by in sorted(rows.items())}
