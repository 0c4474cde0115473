"""How far a unit is meant to go, as its owner asked."""

from __future__ import annotations

from enum import StrEnum

from units.quoting import quoted


class TargetState(StrEnum):
    """What the owner of a unit wants of it; each state implies the ones before it."""

    INACTIVE = "inactive"
    LOADED = "loaded"
    LAUNCHED = "launched"

    @property
    def is_placed(self) -> bool:
        """Whether a unit in this state needs a machine."""
        return self is not TargetState.INACTIVE

    @classmethod
    def parse(cls, word: str) -> TargetState:
        """The state a word means; ValueError in fleet 1.0's words for any other word."""
        try:
            return cls(word)
        except ValueError:
            raise ValueError(f"invalid value {quoted(word)} for JobState") from None
