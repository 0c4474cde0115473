"""The systemd jobs somebody waits for, and how each of them ended.

Rule 1: a job that ends before its number is known is still seen.
Rule 2: when the connection ends, nobody goes on waiting.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from agent.errors import NoBus


class Jobs:
    """Turns the signals of jobs that ended into results to wait for."""

    def __init__(self) -> None:
        self._awaited: dict[str, asyncio.Future[str]] = {}
        self._early: dict[str, str] = {}
        self._asking = 0

    @contextmanager
    def asking(self) -> Iterator[None]:
        """While a job is being asked for, whatever ends is remembered."""
        self._asking += 1
        try:
            yield
        finally:
            self._asking -= 1
            if not self._asking:
                self._early.clear()

    def outcome(self, path: str) -> asyncio.Future[str]:
        """The result of a job, once it has one. To be called inside `asking`."""
        waiting = self._awaited.get(path)
        if waiting is None:
            waiting = asyncio.get_running_loop().create_future()
            self._awaited[path] = waiting
            waiting.add_done_callback(lambda _: self._awaited.pop(path, None))
        if not waiting.done() and path in self._early:
            waiting.set_result(self._early[path])
        return waiting

    def ended(self, path: str, result: str) -> None:
        """A job has ended: `done`, `failed`, `canceled`, `timeout`, `dependency` or another word."""
        if self._asking:
            self._early[path] = result
        waiting = self._awaited.get(path)
        if waiting is not None and not waiting.done():
            waiting.set_result(result)

    def lost(self, why: NoBus) -> None:
        """The connection is gone, and with it the signals."""
        self._early.clear()
        for waiting in list(self._awaited.values()):
            if not waiting.done():
                waiting.set_exception(why)
