"""Whether the daemon may answer for its cluster.

Rule 1: it may while it holds a session whose lease is certain, and at no other time.
Rule 2: who asks before the first try to join has ended waits for it, and not for long.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

FIRST_TRY = 2.0
"""Seconds that a request waits for the daemon to join for the first time."""


def _always() -> bool:
    return True


class Gate:
    """Open or shut. `reason` is what is waited for while it is shut, in words."""

    def __init__(self) -> None:
        self.reason = "joining the cluster"
        self._is_open = False
        self._is_certain: Callable[[], bool] = _always
        self._settled = asyncio.Event()
        self.on_change: Callable[[], None] = lambda: None

    @property
    def open(self) -> bool:
        """Whether requests are answered by anything but 503."""
        return self._is_open and self._is_certain()

    @open.setter
    def open(self, is_open: bool) -> None:
        """Be open, or shut for the reason given last, until told otherwise."""
        self._is_open, self._is_certain = is_open, _always
        self._change()

    def open_while(self, is_certain: Callable[[], bool]) -> None:
        """Be open for as long as this holds, and nobody shuts it."""
        self._is_open, self._is_certain = True, is_certain
        self._change()

    def shut(self, reason: str) -> None:
        """Be shut, for this reason."""
        self._is_open, self.reason = False, reason
        self._change()

    async def settled(self) -> bool:
        """Whether it is open, once it is known for the first time or has taken too long."""
        if not self._settled.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(FIRST_TRY):
                    await self._settled.wait()
        return self.open

    def why_shut(self) -> str:
        """What is waited for; empty when it is open."""
        if self.open:
            return ""
        return "cut off from etcd: the lease of this machine may have ended" if self._is_open else self.reason

    def _change(self) -> None:
        self._settled.set()
        self.on_change()
