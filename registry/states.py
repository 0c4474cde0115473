"""What the hosts say of their units, in the form of docs/API.md: plain as in fleet 1.0, or in full. Pure.

Rule 1: a state counts while its host is present; of a unit whose host is gone nothing is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from registry.explanation import Json, filled
from registry.records import Picture, Report, no_entries

UNKNOWN = "unknown"
_WORDS = ("systemdActiveState", "systemdLoadState", "systemdSubState")


def plain_state(report: Report) -> Json:
    """A UnitState of fleet 1.0."""
    return filled(
        {
            "hash": report.hash,
            "machineID": report.machine,
            "name": report.name,
            "systemdActiveState": report.active,
            "systemdLoadState": report.load,
            "systemdSubState": report.sub,
        }
    )


def full_state(report: Report) -> Json:
    """The same with the time since when, and what its host could not do of what it was told."""
    trouble = filled({"failures": report.failures, "reason": report.reason})
    return {**plain_state(report), "since": report.since, **trouble}


def states_of(picture: Picture, name: str, last_seen: Mapping[str, float] = no_entries()) -> list[Json]:
    """All states of one unit in full, by machine; of machines that are gone, that nothing is known.

    `last_seen` is when each machine that is gone was last seen, in seconds since the epoch.
    """
    present = picture.machines
    said = picture.reports.get(name, {})
    states = {machine: full_state(report) for machine, report in said.items() if machine in present}
    for machine in picture.schedule.get(name, {}).keys() - present.keys():
        seen = {"lastSeen": last_seen[machine]} if machine in last_seen else {}
        states[machine] = {**dict.fromkeys(_WORDS, UNKNOWN), "name": name, "machineID": machine, **seen}
    return [states[machine] for machine in sorted(states)]


def full_states(picture: Picture, last_seen: Mapping[str, float] = no_entries()) -> list[Json]:
    """The same of all units, by name."""
    names = sorted(picture.reports.keys() | picture.schedule.keys())
    return [state for name in names for state in states_of(picture, name, last_seen)]


def with_states(told: Json, states: Sequence[Json]) -> Json:
    """An explanation of a unit with its states, if it has any."""
    return told | filled({"states": [{k: v for k, v in state.items() if k != "name"} for state in states]})
