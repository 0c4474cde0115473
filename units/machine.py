"""A machine as the scheduler knows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

SHORT_ID_LENGTH = 8

BID = "bid"
"""The capability of machines whose agents answer offers. Those of fleet 1.0 do not have it."""


@dataclass(frozen=True, slots=True)
class Machine:
    """One host of the cluster. `metadata` is what scheduling uses: already merged.

    The metadata are copied and cannot be changed. A machine can be hashed (its
    metadata only take part in comparing).
    """

    id: str
    ip: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)
    version: str = ""
    capabilities: frozenset[str] = frozenset({BID})
    """What its daemon can do; those of ours, if nothing is said."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))

    @property
    def short_id(self) -> str:
        """The first 8 characters of the ID, as tables show it."""
        return self.id[:SHORT_ID_LENGTH]

    @property
    def bids(self) -> bool:
        """Whether it answers offers; on others units are placed without being offered."""
        return BID in self.capabilities

    def is_called(self, wanted: str) -> bool:
        """Whether the ID, or its short form, is exactly this (fleet 1.0, `MachineID`)."""
        return wanted in (self.id, self.short_id)


def merged_metadata(configured: Mapping[str, str], dynamic: Mapping[str, str]) -> dict[str, str]:
    """The metadata that count: what the API set wins, and an empty value there hides a key."""
    merged = {**configured, **dynamic}
    return {key: value for key, value in merged.items() if value or key not in dynamic}
