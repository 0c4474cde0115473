"""The records of the shared state, as everybody sees them once they have been read.

Rule 1: a record is valid: what cannot be read never becomes one (it is listed in `Picture.broken`).
Rule 2: records and pictures never change; a newer picture is a new object.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar

from units.file import UnitFile
from units.machine import Machine
from units.state import TargetState

K = TypeVar("K")
V = TypeVar("V")


def no_entries() -> Mapping[K, V]:
    """An immutable empty mapping, for defaults."""
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Job:
    """A unit as its owner wants it: which content, in which state."""

    name: str
    hash: str
    desired: TargetState
    is_global: bool = False
    version: int = field(default=0, compare=False)
    """The store's count of this record's last change; 0 for one that is not stored yet."""


@dataclass(frozen=True, slots=True)
class ScheduleEntry:
    """What one machine has been told to run. Written by the leading engine alone."""

    machine: str
    name: str
    hash: str
    desired: TargetState
    version: int = field(default=0, compare=False)
    """The store's count of this record's last change, where it has one; a smaller one is an older wish."""


@dataclass(frozen=True, slots=True)
class Report:
    """What one host last said about one unit. It lives as long as the lease of that host."""

    machine: str
    name: str
    hash: str
    load: str
    active: str
    sub: str
    launched: bool
    """The agent has asked systemd to start it (fleet 1.0: `job-state`)."""
    since: float
    """When the active state was entered, in seconds since the epoch, by the clock of that host."""
    reason: str = ""
    """Why the host could not do what it was told of the unit, or what it has been waiting for; else empty."""
    failures: int = 0
    """How often in a row the host has failed to do what it was told of the unit."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The leading engine asks one machine whether it would run one unit."""

    machine: str
    name: str
    id: str
    hash: str


@dataclass(frozen=True, slots=True)
class Bid:
    """A machine's answer to an offer: a price, or the reason why it will not."""

    machine: str
    name: str
    offer: str
    """The id of the offer that is answered; a bid on any other offer of the unit counts for nothing."""
    price: float = 0.0
    """What the host adds, in units of load, to what the engine already counts there. Equal hosts say 0."""
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Leader:
    """Who leads, and with which version of the engine's rules."""

    machine: str
    version: int = 1


@dataclass(frozen=True, slots=True)
class RuledOut:
    """One constraint of a unit, and the machines that it rules out."""

    constraint: str
    """The option's name, `refusal` for what hosts say, or `silence` for those who say nothing."""
    machines: int
    some: tuple[str, ...]
    """The first few of them by ID."""
    said: str
    """The objection to the first of them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one machine said when a unit was offered to it; neither price nor refusal means nothing."""

    machine: str
    load: int | None = None
    price: float | None = None
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a unit is where it is, or nowhere: written with its last placement, or while it waits for one."""

    name: str
    reason: str
    """Why it waits, or why the winner has won."""
    machines: int
    """How many were present."""
    ruled_out: tuple[RuledOut, ...] = ()
    """In the order in which constraints count: a machine is counted for the first that it fails."""
    answers: tuple[Answer, ...] = ()
    winner: str | None = None
    """The machine that got it; None while it waits."""
    at: float = 0.0
    """When this came about, in seconds since the epoch."""
    waiting_since: float | None = None
    """Since when it waits, or had waited before it was placed, in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Picture:
    """The shared state, or the part that one scope covers, as it was at one revision."""

    revision: int
    jobs: Mapping[str, Job] = field(default_factory=no_entries)
    """By unit name. In the scope of one machine: the global units only."""
    files: Mapping[str, UnitFile] = field(default_factory=no_entries)
    """By hash. Empty in the scope of one machine: an agent reads the few it needs."""
    schedule: Mapping[str, Mapping[str, ScheduleEntry]] = field(default_factory=no_entries)
    """By unit name, then machine ID. More than one machine for a name is an error to be mended."""
    machines: Mapping[str, Machine] = field(default_factory=no_entries)
    """By machine ID, those present, with configured and dynamic metadata merged."""
    left: Mapping[str, str] = field(default_factory=no_entries)
    """By machine ID, those that have left in order not long ago and are not back, each with its reason."""
    reports: Mapping[str, Mapping[str, Report]] = field(default_factory=no_entries)
    """By unit name, then machine ID."""
    offers: Mapping[str, Mapping[str, Offer]] = field(default_factory=no_entries)
    """By unit name, then machine ID."""
    bids: Mapping[str, Mapping[str, Bid]] = field(default_factory=no_entries)
    """By unit name, then machine ID."""
    dynamic: Mapping[str, Mapping[str, str]] = field(default_factory=no_entries)
    """By machine ID, the metadata that were set through the API; an empty value hides a configured one."""
    leader: Leader | None = None
    broken: Mapping[str, str] = field(default_factory=no_entries)
    """Keys that hold what no fleet wrote, each with what is wrong with it."""
