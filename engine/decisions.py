"""What the engine may decide. Decisions are data, each with its reason; `engine.apply` carries them out."""

from dataclasses import dataclass

from registry.records import ScheduleEntry, Verdict


@dataclass(frozen=True, slots=True)
class Unschedule:
    """A unit leaves a machine."""

    name: str
    machine: str
    reason: str


@dataclass(frozen=True, slots=True)
class Amend:
    """A unit stays where it is, with new content or another state."""

    entry: ScheduleEntry
    reason: str


@dataclass(frozen=True, slots=True)
class OfferUnit:
    """A unit is offered to a few machines, which answer with bids."""

    name: str
    hash: str
    id: str
    machines: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Award:
    """A unit goes to the machine that bid least; its auction is over."""

    entry: ScheduleEntry
    asked: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class CloseAuction:
    """An auction ends without an award: its offers and bids are taken back."""

    name: str
    asked: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Explained:
    """Why a unit waits, or why it gets its place, to be kept with it."""

    verdict: Verdict
    """Its times are filled in by the hand that writes it."""
    waited: float | None
    """For how many seconds the unit has been waiting; None for one that never had to."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What is kept about a unit's placement counts no more."""

    name: str


Decision = Unschedule | Amend | OfferUnit | Award | CloseAuction | Explained | Forgotten
