"""What people at a terminal see while a command waits: a line for each unit, rewritten as it goes on.

Rule 1: it is drawn on stderr, only if that is a terminal, and is gone before anything else is said.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence

from fleetctl.entities import State, Unit
from fleetctl.verdict import Goal, Verdict

_UP_AND_CLEAR = "\x1b[{}A\x1b[J"


def stage(goal: Goal, unit: Unit | None, states: Sequence[State], said: Verdict, place: str) -> str:
    """How far a unit is, in a few words; `place` is its machine as tables show it."""
    if unit is None:
        return "is out of the registry" + (f", {_systemd(states[0])}" if states else "")
    if not unit.machine:
        return said.why or ("waits for a machine" if goal.needs_place else "leaves")
    state = next((state for state in states if state.machine == unit.machine), None)
    return f"on {place}: " + (_systemd(state) if state is not None else "on its way")


def _systemd(state: State) -> str:
    return f"{state.active} ({state.sub})" if state.sub else state.active


def cut(lines: Sequence[str], width: int, height: int) -> list[str]:
    """As much of the lines as a terminal shows: the rest is counted."""
    room = max(1, height - 2)
    kept = [line[: width - 1] for line in lines[:room]]
    return kept if len(lines) <= room else [*kept[:-1], f"... and {len(lines) - room + 1} more"]


class Progress:
    """The lines that are on the terminal now."""

    def __init__(self) -> None:
        self.is_shown = sys.stderr.isatty()
        self._drawn = 0
        self._last: list[str] = []

    def show(self, lines: Callable[[], Sequence[str]]) -> None:
        """Rewrite the lines, if somebody sees them."""
        if not self.is_shown:
            return
        size = shutil.get_terminal_size()
        text = cut(list(lines()), size.columns, size.lines)
        if text != self._last:
            self.clear()
            sys.stderr.write("".join(f"{line}\n" for line in text))
            sys.stderr.flush()
            self._drawn, self._last = len(text), text

    def clear(self) -> None:
        """Take the lines away."""
        if self._drawn:
            sys.stderr.write(_UP_AND_CLEAR.format(self._drawn))
            sys.stderr.flush()
        self._drawn, self._last = 0, []
