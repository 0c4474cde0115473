"""Lets in so many at a time: a host that is given many units at once starts them little by little."""

import asyncio
import os
from typing import Any

PATIENCE = 10.0
"""Seconds after which a start that has not ended makes room for the next one all the same."""
PER_CORE, AT_LEAST = 4, 8


def default_places() -> int:
    """How many starts at the same time suit this machine."""
    return max(AT_LEAST, PER_CORE * (os.cpu_count() or 1))


class Turnstile:
    """Who has waited longest comes in first. A place is kept for at most `patience` seconds."""

    def __init__(self, places: int, *, patience: float = PATIENCE) -> None:
        self._places = self._free = places
        self._patience = patience
        self._waiting: dict[str, asyncio.Future[bool]] = {}

    async def enter(self, name: str) -> bool:
        """Wait for a place; False, and no place, if that was called off. Then `leave_after` something."""
        if self._free > 0:
            self._free -= 1
            return True
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[name] = turn
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.result():
                self._leave()
            raise
        finally:
            self._waiting.pop(name, None)

    def resize(self, places: int) -> None:
        """Let in so many from now on; who is inside already stays."""
        self._free += places - self._places
        self._places = places
        self._let_in()

    def call_off(self, name: str) -> None:
        """Let nobody of that name wait any longer."""
        if (turn := self._waiting.pop(name, None)) and not turn.done():
            turn.set_result(False)

    def leave_after(self, ended: "asyncio.Future[Any]") -> None:
        """Give the place back when something has ended, or when patience has."""
        given = False

        def give(_: object = None) -> None:
            nonlocal given
            late.cancel()
            if not given:
                given = True
                self._leave()

        late = asyncio.get_running_loop().call_later(self._patience, give)
        ended.add_done_callback(give)

    def _leave(self) -> None:
        self._free += 1
        self._let_in()

    def _let_in(self) -> None:
        for name, turn in list(self._waiting.items()):
            if self._free <= 0:
                return
            del self._waiting[name]
            if not turn.done():
                self._free -= 1
                turn.set_result(True)
