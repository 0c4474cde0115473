"""What the agent may do to a unit, each step with its reason in the words of fleet 1.0.

There is no step for a daemon-reload, which the original made in every pass: systemd seldom
needs one, and loading and unloading know when.
"""

from dataclasses import dataclass
from enum import IntEnum


class Turn(IntEnum):
    """Whose turn it is: everything leaves before anything arrives."""

    UNLOAD = 1
    LOAD = 2
    STOP = 3
    START = 4


NOT_SCHEDULED = "unit loaded but not scheduled here"
HASH_DIFFERS = "unit loaded but hash differs to expected"
HALF_UNLOADED = "unit was being unloaded and is wanted again"
NOT_LOADED = "unit scheduled here but not loaded"
NOT_LAUNCHED = "unit currently loaded but desired state is launched"
LAUNCHED = "unit currently launched but desired state is loaded"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do to one unit."""

    turn: Turn
    name: str
    reason: str

    @property
    def verb(self) -> str:
        """The word for it, as logs and errors have it."""
        return self.turn.name.lower()
