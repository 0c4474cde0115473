"""What the agent asks of its host, and what a host answers. Pure: the records and the interface alone.

`agent.local` is the real one, on systemd; the tests have a scripted one, and one suite for both.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from units.file import UnitFile


class Stage(StrEnum):
    """How far the agent has come with a unit; survives the agent, and ends with the boot."""

    LOADING = "loading"
    """Being loaded: it is not known how far that came."""
    LOADED = "loaded"
    LAUNCHED = "launched"
    """systemd has agreed to start it; what came of it is for systemd to say."""
    STOPPING = "stopping"
    LEAVING = "leaving"
    """Being unloaded: it is not known how far that came."""
    GONE = "gone"
    """Unloaded, but others have not been told yet."""


@dataclass(frozen=True, slots=True)
class Present:
    """A unit of fleet's on this host. `hash` is that of its file, None where there is no file."""

    hash: str | None
    stage: Stage | None = None
    """None: nothing is remembered of this content."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the agent knows of a unit it has loaded, or has been told to start."""

    hash: str
    stage: Stage
    asked: bool = False
    """systemd has been asked to start it, whether it agreed or not."""


@dataclass(frozen=True, slots=True)
class UnitStatus:
    """What systemd says of a unit, in its own words."""

    load: str
    active: str
    sub: str
    since: float | None = None
    """When it entered the active state, in seconds since the epoch; None when systemd has not said."""


NOT_FOUND = UnitStatus("not-found", "inactive", "dead")


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What this host knows of itself when it is asked to run more."""

    silent: str | None = None
    """Why systemd does not answer, or None when it does."""
    strangers: Mapping[str, str] = field(default_factory=dict)
    """Units on this host that are not fleet's, by name, each with where it comes from."""
    memory_available: int = 0
    memory_total: int = 0
    """In bytes; a total of 0 means that nothing is known."""
    directory: str = ""
    disk_free: int | None = None
    """Bytes left where the unit files go; None when that could not be found out."""
    no_directory: str | None = None
    """Why no unit file can be written at all, or None."""
    leaving: bool = False
    """The host is giving its units away."""


class Host(Protocol):
    """One host and its systemd. Every verb raises HostError and nothing else, and ends."""

    async def watch(self) -> None:
        """Stay in touch with systemd, for as long as this runs. Never returns."""

    async def reachable(self) -> None:
        """Wait until systemd can be talked to."""

    async def present(self) -> Mapping[str, Present] | None:
        """The units of fleet's on this host by name, or None when that could not be found out."""

    async def load(self, name: str, file: UnitFile) -> None:
        """Make the unit known to systemd, and enable it if it has an `[Install]` section."""

    async def start(self, name: str) -> "asyncio.Future[str | None]":
        """Have systemd start a loaded unit; returns, once systemd has agreed to, how its job will end.

        That is None when all is well, or else a sentence; it never raises.
        """

    async def stop(self, name: str) -> None:
        """Have systemd stop a loaded unit; returns when it has stopped."""

    async def unload(self, name: str) -> None:
        """Stop a unit, wait for the end of it, and remove every trace."""

    async def changed(self) -> frozenset[str]:
        """Wait until there is something new about some units, and return their names."""

    async def states(self, names: Collection[str]) -> Mapping[str, UnitStatus]:
        """What systemd says of these units."""

    def unanswered(self) -> str | None:
        """What systemd has been asked, by the name of the call, and has not answered for a while."""

    def remembered(self) -> Mapping[str, Remembered]:
        """The units that are here, and those of which others must still be told that they are gone."""

    async def forget(self, names: Collection[str]) -> None:
        """Others know by now that these units are gone."""

    async def facts(self, names: Collection[str]) -> HostFacts:
        """What counts when this host is asked to run these units. Answers at once, also without systemd."""
