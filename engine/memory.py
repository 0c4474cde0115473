"""What the leading engine carries from one plan to the next. A new leader starts with an empty one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from engine.auction import Auction
from registry.records import Verdict, no_entries


@dataclass(frozen=True, slots=True)
class Refusal:
    """A machine that will not take a unit for now."""

    reason: str
    until: float
    """When it may be asked again, in seconds of the event loop's clock."""
    times: int = 1
    """How often in a row it has refused: each time it is left in peace twice as long."""


@dataclass(frozen=True, slots=True)
class Said:
    """What was last told about a unit that waits. Times are of the event loop's clock, in seconds."""

    verdict: Verdict
    since: float
    """When it was first seen to wait."""
    at: float
    """When this was last found to be so."""


@dataclass(frozen=True, slots=True)
class Setback:
    """A unit that hosts could not run. Times are of the event loop's clock, in seconds."""

    hash: str
    """Of the content that they could not run."""
    moves: int = 0
    """How often it was moved for that."""
    again_at: float = 0.0
    """When it may be moved again."""
    off: Mapping[str, Refusal] = field(default_factory=no_entries)
    """By machine ID, those that it has left."""


NOTHING_YET = Setback("")


@dataclass(frozen=True, slots=True)
class Memory:
    """The open rounds, and whom not to ask. Everything else is read from the picture each time."""

    epoch: str = "0"
    """Tells the offers of this leadership from those of any other."""
    rounds: int = 0
    """How many rounds there have been: the other half of an offer's id."""
    auctions: Mapping[str, Auction] = field(default_factory=no_entries)
    """By unit name."""
    refusals: Mapping[str, Mapping[str, Refusal]] = field(default_factory=no_entries)
    """By unit name, then machine ID."""
    silent: Mapping[str, float] = field(default_factory=no_entries)
    """Machines that let a bid window pass, and until when nothing is offered to them."""
    setbacks: Mapping[str, Setback] = field(default_factory=no_entries)
    """By unit name: those that hosts could not run."""
    absent_since: Mapping[str, float] = field(default_factory=no_entries)
    """Machines with units that are not present, and when that was first seen."""
    steady_since: float = -inf
    """Since when the store was not away: what was lost before may only be late."""
    suspects: frozenset[str] = frozenset()
    """Machines that are away since a loss that was doubted."""
    moves: int = 0
    """How many units of suspects were sent elsewhere since `moves_since`."""
    moves_since: float = 0.0
    """When the counting of moves last began anew."""
    said: Mapping[str, Said] = field(default_factory=no_entries)
    """By unit name: those that wait, and why."""
