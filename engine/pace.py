"""How fast the units of a doubted loss move, once it is believed."""

from engine.caution import MOVES_PER_MACHINE
from engine.memory import Memory

SECOND = 1.0


class Pace:
    """Counts the moves of one second."""

    def __init__(self, memory: Memory, now: float, *, machines: int) -> None:
        """`now` is in seconds; `machines` are present."""
        self.limit = MOVES_PER_MACHINE * machines
        """How many units move in a second."""
        fresh = now >= memory.moves_since + SECOND or now < memory.moves_since
        self._now = now
        self.since = memory.moves_since
        self.moves = 0 if fresh else memory.moves
        self._held_up = False

    def is_full(self) -> bool:
        """Whether no more units may move now; who asks is taken to wait for the next second."""
        self._held_up |= self.moves >= self.limit
        return self.moves >= self.limit

    def step(self) -> None:
        """Count a unit that moves."""
        if self.moves == 0:
            self.since = self._now
        self.moves += 1

    @property
    def ends(self) -> list[float]:
        """When the next second begins, if somebody waits for it."""
        return [self.since + SECOND] if self._held_up else []
