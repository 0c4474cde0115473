"""What the plan is made from: the picture of the registry with every unit's requirements read.

Rule 1: a unit whose content is missing or unreadable is not in the cluster: nobody can say where it may
        run, so nothing is decided about it, and what runs of it stays as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from registry.records import Bid, Job, Offer, Picture, Report, ScheduleEntry, no_entries
from units.machine import Machine
from units.requirements import Requirements
from units.state import TargetState


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit as the planner sees it."""

    name: str
    hash: str
    desired: TargetState
    wants: Requirements

    @property
    def is_global(self) -> bool:
        """Whether it runs on every machine that it fits."""
        return self.wants.is_global


@dataclass(frozen=True, slots=True)
class Cluster:
    """Everything a plan may depend on, and nothing else. Keys are unit names, then machine IDs."""

    units: Mapping[str, Unit] = field(default_factory=no_entries)
    unreadable: frozenset[str] = frozenset()
    """Names of units whose content is missing."""
    schedule: Mapping[str, Mapping[str, ScheduleEntry]] = field(default_factory=no_entries)
    machines: Mapping[str, Machine] = field(default_factory=no_entries)
    reports: Mapping[str, Mapping[str, Report]] = field(default_factory=no_entries)
    offers: Mapping[str, Mapping[str, Offer]] = field(default_factory=no_entries)
    bids: Mapping[str, Mapping[str, Bid]] = field(default_factory=no_entries)


class Reader:
    """Makes clusters out of pictures, and reads the requirements of each content only once."""

    def __init__(self) -> None:
        self._known: dict[str, Unit] = {}

    def cluster(self, picture: Picture) -> Cluster:
        """The cluster that a picture shows."""
        units: dict[str, Unit] = {}
        unreadable: set[str] = set()
        for name, job in picture.jobs.items():
            if unit := self._unit(job, picture):
                units[name] = unit
            else:
                unreadable.add(name)
        self._known = units
        return Cluster(
            units=units,
            unreadable=frozenset(unreadable),
            schedule=picture.schedule,
            machines=picture.machines,
            reports=picture.reports,
            offers=picture.offers,
            bids=picture.bids,
        )

    def _unit(self, job: Job, picture: Picture) -> Unit | None:
        known = self._known.get(job.name)
        if known is not None and known.hash == job.hash and known.desired is job.desired:
            return known
        file = picture.files.get(job.hash)
        if file is None:
            return None
        wants = Requirements.of(job.name, file.options)
        return Unit(name=job.name, hash=job.hash, desired=job.desired, wants=wants)
