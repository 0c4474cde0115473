"""What differs between two pictures, as events that say how things are now.

Rule 1: an event tells the new state, never a step: to take one twice does no harm.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from fleetd.api import wire
from fleetd.api.wire import Entity
from registry.explanation import filled, whereabouts
from registry.records import Job, Picture, Report
from registry.states import full_state
from units.machine import Machine

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Event:
    """One line for those who follow the cluster."""

    kind: str
    data: Entity


def everything(picture: Picture) -> Event:
    """The whole picture, for those who know nothing yet."""
    data: Entity = {
        "machines": [wire.machine(machine) for _, machine in sorted(picture.machines.items())],
        "units": [_unit(picture, job) for _, job in sorted(picture.jobs.items())],
        "states": [full_state(report) for report in wire.reports(picture)],
    }
    return Event("reset", {**data, "revision": picture.revision})


def differences(old: Picture, new: Picture) -> Iterator[Event]:
    """What has become different: machines, then units, then states."""
    yield from _machines(old.machines, new.machines)
    yield from _units(old, new)
    for name in _touched(old.reports, new.reports):
        yield from _states(name, old.reports.get(name, {}), new.reports.get(name, {}))


def _unit(picture: Picture, job: Job) -> Entity:
    current, machine = whereabouts(picture, job)
    return filled(
        {
            "currentState": current,
            "desiredState": str(job.desired),
            "global": job.is_global,
            "hash": job.hash,
            "machineID": machine,
            "name": job.name,
        }
    )


def _touched(old: Mapping[str, T], new: Mapping[str, T]) -> list[str]:
    """The keys whose values are other ones. Pictures share what has not changed."""
    if old is new:
        return []
    changed = {key for key, value in new.items() if old.get(key) is not value}
    return sorted(changed | (old.keys() - new.keys()))


def _compared(
    kind: str, old: Mapping[str, T], new: Mapping[str, T], show: Callable[[T], Entity], gone: str
) -> Iterator[Event]:
    for key in _touched(old, new):
        if key not in new:
            yield Event(f"{kind}-gone", {gone: key})
        elif key not in old or show(old[key]) != show(new[key]):
            yield Event(kind, show(new[key]))


def _machines(old: Mapping[str, Machine], new: Mapping[str, Machine]) -> Iterator[Event]:
    return _compared("machine", old, new, wire.machine, "id")


def _units(old: Picture, new: Picture) -> Iterator[Event]:
    """A unit is another one also when it is scheduled elsewhere, or its host says that it has launched it."""
    names = {*_touched(old.jobs, new.jobs), *_touched(old.schedule, new.schedule)}
    names |= {*_touched(old.reports, new.reports)}
    if old.machines.keys() != new.machines.keys():
        names |= _scheduled_to(old, old.machines.keys() ^ new.machines.keys())
    for name in sorted(names):
        before = _unit(old, old.jobs[name]) if name in old.jobs else None
        after = _unit(new, new.jobs[name]) if name in new.jobs else None
        if after is None and before is not None:
            yield Event("unit-gone", {"name": name})
        elif after is not None and after != before:
            yield Event("unit", after)


def _scheduled_to(picture: Picture, machines: set[str]) -> set[str]:
    return {name for name, entries in picture.schedule.items() if not machines.isdisjoint(entries)}


def _states(name: str, old: Mapping[str, Report], new: Mapping[str, Report]) -> Iterator[Event]:
    for machine in _touched(old, new):
        if machine not in new:
            yield Event("state-gone", {"machineID": machine, "name": name})
        elif machine not in old or old[machine] != new[machine]:
            yield Event("state", full_state(new[machine]))
