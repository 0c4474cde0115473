"""What is wrong with the cluster, as far as it can be seen from here (docs/API.md, "Checking the cluster").

Rule 1: a finding says what it is about, what is wrong, and what to do about it.
Rule 2: `findings` is the whole judgement; the order of its rules is the order of what is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from registry.health import Health
from registry.records import Picture

CLOCK_TOLERANCE = 2.0
"""Seconds by which clocks may differ: what a host has just said may not lie in the future by more."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    about: str
    said: str
    advice: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to judge, at `now` (seconds since the epoch)."""

    picture: Picture
    servers: Sequence[Health]
    now: float


def checkup(seen: Seen) -> dict[str, Any]:
    """All findings, and what has been looked at, in the form of docs/API.md."""
    return {
        "findings": [{"about": f.about, "said": f.said, "advice": f.advice} for f in findings(seen)],
        "machines": len(seen.picture.machines),
        "units": len(seen.picture.jobs),
        "servers": [one.server for one in seen.servers],
        "revision": seen.picture.revision,
    }


def findings(seen: Seen) -> tuple[Finding, ...]:
    """All that is wrong; empty when nothing is."""
    return tuple(finding for rule in RULES for finding in rule(seen))


def _servers(seen: Seen) -> Iterator[Finding]:
    for one in seen.servers:
        if one.fault:
            yield Finding(
                f"etcd server {one.server}",
                f"cannot be used: {one.fault}",
                "see that it runs and accepts this host, or take it out of etcd_servers",
            )


def _records(seen: Seen) -> Iterator[Finding]:
    for key, fault in sorted(seen.picture.broken.items()):
        yield Finding(f"record {key}", fault, "it is ignored: write it anew, or remove the key from etcd")


def _leader(seen: Seen) -> Iterator[Finding]:
    leader = seen.picture.leader
    if leader is None:
        yield Finding(
            "engine",
            "nobody leads: no unit is placed or moved",
            "see that a fleetd runs without disable_engine, and look for 'Engine leadership' in its journal",
        )
    elif leader.machine not in seen.picture.machines:
        yield Finding(
            f"engine of {leader.machine}",
            "it leads, but its machine is not present",
            "its lease ends within seconds; if this stays, restart fleet.service there",
        )


def _contents(seen: Seen) -> Iterator[Finding]:
    for name, job in sorted(seen.picture.jobs.items()):
        if job.hash not in seen.picture.files:
            yield Finding(
                f"unit {name}", f"its content {job.hash} is missing", f"fleetctl submit --replace {name}"
            )


def _doubled(seen: Seen) -> Iterator[Finding]:
    for name, entries in sorted(seen.picture.schedule.items()):
        job = seen.picture.jobs.get(name)
        if len(entries) > 1 and not (job and job.is_global):
            yield Finding(
                f"unit {name}",
                f"scheduled to {len(entries)} machines: {', '.join(sorted(entries))}",
                "the leading engine mends this in its next pass; if it stays, see its journal",
            )


def _absent(seen: Seen) -> Iterator[Finding]:
    there: dict[str, list[str]] = {}
    for name, entries in sorted(seen.picture.schedule.items()):
        for machine in entries.keys() - seen.picture.machines.keys():
            there.setdefault(machine, []).append(name)
    for machine, names in sorted(there.items()):
        yield Finding(
            f"machine {machine}",
            f"is gone, with {len(names)} units: {_few(names)}",
            "they move when the engine is sure of the loss, if other machines fit: fleetctl why UNIT",
        )


def _versions(seen: Seen) -> Iterator[Finding]:
    of: dict[str, list[str]] = {}
    for id, machine in sorted(seen.picture.machines.items()):
        of.setdefault(machine.version or "unknown", []).append(id)
    if len(of) > 1:
        said = "; ".join(f"{version}: {_few(ids)}" for version, ids in sorted(of.items()))
        yield Finding("versions", f"the machines run different ones: {said}", "bring all to the newest")


def _clocks(seen: Seen) -> Iterator[Finding]:
    newest: dict[str, float] = {}
    for reports in seen.picture.reports.values():
        for machine, report in reports.items():
            newest[machine] = max(report.since, newest.get(machine, 0.0))
    for machine, since in sorted(newest.items()):
        if since > seen.now + CLOCK_TOLERANCE:
            yield Finding(
                f"machine {machine}",
                f"its clock is ahead of this host's by {since - seen.now:.0f} s or more",
                "set both clocks by NTP (timedatectl)",
            )


RULES = (_servers, _records, _leader, _contents, _doubled, _absent, _versions, _clocks)

MANY = 5


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - MANY} more" if len(names) > MANY else ""
    return ", ".join(names[:MANY]) + more
