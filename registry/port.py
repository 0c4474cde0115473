"""The one interface to the shared state, which every backend keeps.

Rule 1: every write says what it expects to find, and raises `Conflict` (or `Deposed`, `Lost`) when it
        finds something else; nothing is then written.
Rule 2: what is read is one picture at one revision, never older than promised.
Rule 3: every call ends: within the request deadline, or with `Unavailable`.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from registry.records import Bid, Job, Leader, Offer, Picture, Report, ScheduleEntry, Verdict
from units.file import UnitFile
from units.machine import Machine


@dataclass(frozen=True, slots=True)
class Everything:
    """The scope of the leading engine and of the API."""


@dataclass(frozen=True, slots=True)
class OneMachine:
    """The scope of an agent: its schedule, its offers, its metadata, its presence, and the global units."""

    id: str


Scope = Everything | OneMachine


class View(Protocol):
    """A picture that is kept up to date by watches for as long as it is open."""

    @property
    def picture(self) -> Picture:
        """The latest picture; as old as the connection when the store cannot be reached."""

    async def after(self, seen: Picture) -> Picture:
        """Wait for a picture newer than `seen` and return it. Waits for ever when nothing changes."""

    async def fresh(self) -> Picture:
        """A picture that holds all that was written before this call. Raises Unavailable."""

    async def reached(self, revision: int) -> Picture:
        """Wait for a picture at least as new as a revision that a write has returned."""


@dataclass(frozen=True, slots=True)
class Place:
    """Put or change the entry of one machine's schedule."""

    entry: ScheduleEntry


@dataclass(frozen=True, slots=True)
class Displace:
    """Take a unit out of one machine's schedule; nothing happens if it is not there."""

    machine: str
    name: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Put an offer."""

    offer: Offer


@dataclass(frozen=True, slots=True)
class Settle:
    """Take back all that belongs to the auction of one unit: these machines' offers, and every bid."""

    name: str
    machines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explain:
    """Keep why a unit is where it is, or nowhere; with None forget it."""

    name: str
    verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class Discard:
    """Remove a content, unless it has been stored again since the revision at which nothing named it.

    In etcd v2 nothing happens: what a daemon of fleet 1.0 finds there it does not store again.
    """

    hash: str
    revision: int


EngineWrite = Place | Displace | Ask | Settle | Explain | Discard


class Leadership(Protocol):
    """The right to write the schedule, as long as the leader lease lasts."""

    async def commit(self, writes: Sequence[EngineWrite]) -> int:
        """Write all, in order, in as few transactions as the store allows, each fenced by the leader key.

        Returns the revision of the last one. Raises Deposed (none of a transaction took place), Unavailable.
        """

    async def wait_lost(self) -> None:
        """Return when the lease has ended or is no longer certain."""

    async def resign(self) -> None:
        """Give the lease back, so that another engine leads at once."""


class Session(Protocol):
    """The presence of this host: all it says hangs on one lease."""

    @property
    def token(self) -> str:
        """What a restarted daemon of the same host shows to resume this very session."""

    @property
    def is_certain(self) -> bool:
        """Whether the lease must still last, by the clock of this host; False while the store is away for
        so long that it may have ended."""

    @property
    def certain_for(self) -> float:
        """The seconds that the lease must still last, by the clock of this host; 0 when it is not certain."""

    async def prove(self) -> None:
        """Make sure that the machine is still present by this session. Raises Lost, Unavailable."""

    async def report(self, reports: Sequence[Report], gone: Sequence[str]) -> None:
        """Publish what systemd says of some units, and forget the named others. Raises Lost, Unavailable."""

    async def bid(self, bids: Sequence[Bid]) -> None:
        """Answer offers; an answer to an offer that no longer stands is dropped. Raises Lost, Unavailable."""

    async def renew(self, machine: Machine) -> None:
        """Publish changed facts of this machine. Raises Lost, Unavailable."""

    async def wait_lost(self) -> None:
        """Return when the lease has ended: the host must join again."""

    async def wait_certain(self, certain: bool) -> None:
        """Return when `is_certain` is so. A session that is lost never is certain again."""

    async def leave(self) -> None:
        """End the lease: the machine, its reports and its bids vanish in one moment.

        For a while it is known that it has left in order (`Picture.left`).
        """


class Registry(Protocol):
    """The shared state of one cluster."""

    @property
    def steady_since(self) -> float:
        """Since when the store has answered all that was asked here, by the loop's clock in seconds.

        Who has not been seen since may only be slower than we were to reach it again.
        """

    def follow(self, scope: Scope) -> AbstractAsyncContextManager[View]:
        """Read a scope, then keep it up to date until the context ends. Waits while the store is away."""

    def join(
        self, machine: Machine, *, ttl: float, resume: str | None = None
    ) -> AbstractAsyncContextManager[Session]:
        """Make a machine present under a lease of `ttl` seconds, kept alive until the context ends.

        `machine.metadata` are the configured ones. `resume` is the token of an earlier session of this
        same host: if its lease still lasts it goes on, and nobody notices the restart. Leaving the
        context does not end the lease; `leave` does. Raises Occupied, Unavailable, Refused.
        """

    def campaign(self, leader: Leader, *, ttl: float) -> AbstractAsyncContextManager[Leadership]:
        """Wait until nobody leads, then lead, under a lease of `ttl` seconds.

        When the leader is this very machine, it was led by an earlier daemon of this host: its lease goes on,
        and the lead with it, at once (fleet 1.0, scheduling.md §8.2).

        Leaving the context keeps the lease alive no longer; `resign` ends it. Raises Refused.
        """

    async def job(self, name: str) -> Job | None:
        """The job as it is now. Raises Unavailable."""

    async def verdict(self, name: str) -> Verdict | None:
        """Why a unit is where it is, or nowhere, as the leading engine last saw it. Raises Unavailable."""

    async def unit_file(self, hash: str) -> UnitFile | None:
        """The content with that hash; what has been read once is remembered. Raises Unavailable."""

    async def save(self, job: Job, file: UnitFile | None, *, seen: Job | None) -> int:
        """Create a job (`seen` is None) or change the one that was seen; returns the revision.

        `file` is the content that `job.hash` names; None only when the hash does not change.
        Raises Conflict when the job is not as seen, Unavailable.
        """

    async def destroy(self, seen: Job) -> int:
        """Remove the job that was seen, and its verdict; returns the revision.

        Raises Conflict, Unavailable.
        """

    async def clear(self, name: str) -> bool:
        """Remove what is stored as the job of this name though it cannot be read; whether there was such.

        A job that can be read stays. Raises Conflict, Unavailable.
        """

    async def set_metadata(self, machine: str, values: Mapping[str, str]) -> int:
        """Set metadata of a machine, present or not; an empty value hides the key. Raises Unavailable."""

    async def close(self) -> None:
        """Close connections. Leases are left to end by themselves."""
