"""What commands ask of a cluster: over the HTTP API (`client`), or in the registry itself (`direct`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from fleetctl.entities import Json, Machine, Setting, State, Unit


@dataclass(frozen=True, slots=True)
class Event:
    """Word of a change: the unit's name, empty where it is about more, and the revision if it is told."""

    unit: str = ""
    id: str = ""


Metadata = Mapping[str, Mapping[str, str]]
"""By machine ID."""


class Api(Protocol):
    """One cluster. All methods raise Unreachable and ApiError."""

    def machines(self) -> tuple[Machine, ...]:
        """All machines that are present."""

    def units(self) -> tuple[Unit, ...]:
        """All units."""

    def unit(self, name: str) -> Unit | None:
        """One unit, None if there is none of that name."""

    def states(self, unit: str = "", *, full: bool = False) -> tuple[State, ...]:
        """What systemd says on all machines, of all units or of one; in full with times, with the troubles of
        hosts, and with units as `unknown` whose machine is gone (a daemon of fleet 1.0 does not know these).
        """

    def create(self, name: str, settings: Iterable[Setting], desired: str = "") -> None:
        """Create or replace a unit; its desired state is `inactive` if none is given."""

    def set_desired(self, name: str, desired: str) -> None:
        """Change the desired state of a unit."""

    def destroy(self, name: str) -> bool:
        """Remove a unit; False if there is none of that name."""

    def why(self, name: str) -> Json | None:
        """Why the unit is where it is (docs/API.md); None if there is none. Raises Unsupported."""

    def plan(self, change: Json) -> Json:
        """What would happen if (docs/API.md). Raises Unsupported."""

    def metadata(self) -> Metadata:
        """The metadata that were set through the API; an empty value hides the key. Raises Unsupported."""

    def set_metadata(self, machine: str, values: Mapping[str, str]) -> None:
        """Set metadata of a machine, present or not; an empty value hides the key."""

    def doctor(self) -> Json:
        """What is wrong with the cluster (docs/API.md). Raises Unsupported."""

    def events(self, since: str) -> Iterator[Event]:
        """All events, as they come, from a revision on if one is given. Raises Unsupported."""

    def close(self) -> None:
        """End the connection."""
