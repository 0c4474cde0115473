"""What the plan is made from: the picture of the registry with every unit's requirements read.

Rule 1: a unit whose content is missing or unreadable is not in the cluster: nobody can say where it may
        run, so nothing is decided about it, and what runs of it stays as it is.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from engine.differences import changed
from registry.records import Bid, Job, Offer, Picture, Report, ScheduleEntry, no_entries
from units.file import UnitFile
from units.machine import Machine
from units.requirements import Requirements
from units.state import TargetState

STILL_THERE = frozenset({"active", "activating", "deactivating", "reloading"})
"""systemd's active states in which processes of the unit exist."""


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
    left: Mapping[str, str] = field(default_factory=no_entries)
    """Machines that have left in order."""
    reports: Mapping[str, Mapping[str, Report]] = field(default_factory=no_entries)
    offers: Mapping[str, Mapping[str, Offer]] = field(default_factory=no_entries)
    bids: Mapping[str, Mapping[str, Bid]] = field(default_factory=no_entries)


def unit_of(name: str, file: UnitFile, desired: TargetState = TargetState.LAUNCHED) -> Unit:
    """The unit that a file would be under a name."""
    return Unit(name, file.hash, desired, Requirements.of(name, file.options))


class Reader:
    """Makes clusters out of pictures, and reads only the units that have changed since the last one."""

    def __init__(self) -> None:
        self._jobs: Mapping[str, Job] = {}
        self._units: dict[str, Unit] = {}
        self._unreadable: frozenset[str] = frozenset()

    def cluster(self, picture: Picture) -> Cluster:
        """The cluster that a picture shows."""
        jobs, self._jobs = self._jobs, picture.jobs
        self._read(changed(jobs, picture.jobs) | self._unreadable, picture)
        return Cluster(
            units=self._units,
            unreadable=self._unreadable,
            schedule=picture.schedule,
            machines=picture.machines,
            left=picture.left,
            reports=picture.reports,
            offers=picture.offers,
            bids=picture.bids,
        )

    def _read(self, names: Set[str], picture: Picture) -> None:
        if not names:
            return
        units, unreadable = dict(self._units), set(self._unreadable)
        for name in names:
            units.pop(name, None)
            unreadable.discard(name)
            job = picture.jobs.get(name)
            if job is None:
                continue
            if unit := self._unit(job, picture):
                units[name] = unit
            else:
                unreadable.add(name)
        self._units, self._unreadable = units, frozenset(unreadable)

    def _unit(self, job: Job, picture: Picture) -> Unit | None:
        known = self._units.get(job.name)
        if known is not None and known.hash == job.hash and known.desired is job.desired:
            return known
        file = picture.files.get(job.hash)
        return None if file is None else unit_of(job.name, file, job.desired)
