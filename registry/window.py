"""What every backend's view has in common: the latest picture, and who waits for a newer one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from registry.records import Picture
from registry.tables import Change, Tables, same_content

log = logging.getLogger(__name__)

MANY_CHANGES: Final = 5000
"""So many changes at most wait for somebody to look."""


class Window:
    """A picture that is brought up to date when somebody looks: what nobody saw between costs nothing."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._pending: list[Change] = []
        self._revision = tables.picture.revision
        self._waiting: dict[asyncio.Future[None], None] = {}
        self._said: Mapping[str, str] = {}
        self._say_broken(tables.picture.broken)

    @property
    def revision(self) -> int:
        """The revision up to which changes have been taken."""
        return self._revision

    @property
    def picture(self) -> Picture:
        """The latest picture, made now if there are changes that nobody has looked at."""
        if self._pending or self._revision != self._tables.picture.revision:
            self._tables = self._tables.after(self._pending, self._revision)
            self._pending = []
            self._say_broken(self._tables.picture.broken)
        return self._tables.picture

    def push(self, changes: Sequence[Change], revision: int) -> None:
        """Take changes up to a revision, which is never older than the one before."""
        self._pending += changes
        self._revision = max(revision, self._revision)
        if len(self._pending) > MANY_CHANGES:
            _ = self.picture
        self._wake()

    def replace(self, tables: Tables) -> None:
        """Take a state that was read anew; its revision may be an older one, if the store was restored."""
        self._tables = tables
        self._pending = []
        self._revision = tables.picture.revision
        self._say_broken(tables.picture.broken)
        self._wake()

    async def after(self, seen: Picture) -> Picture:
        """See `registry.port.View`."""
        await self._wait(lambda: not same_content(self.picture, seen))
        return self.picture

    async def wait_revision(self, revision: int) -> None:
        """Wait until the picture is at least as new as a revision."""
        await self._wait(lambda: self._revision >= revision)

    async def wait_move(self) -> None:
        """Wait until something comes in, whatever it is."""
        moved = asyncio.get_running_loop().create_future()
        self._waiting[moved] = None
        try:
            await moved
        finally:
            del self._waiting[moved]

    async def _wait(self, is_over: Callable[[], bool]) -> None:
        while not is_over():
            await self.wait_move()

    def _wake(self) -> None:
        for moved in self._waiting:
            if not moved.done():
                moved.set_result(None)

    def _say_broken(self, broken: Mapping[str, str]) -> None:
        """Say of each broken key once what is wrong with it."""
        if broken is not self._said:
            for key, fault in broken.items():
                if self._said.get(key) != fault:
                    log.warning("ignored: %s %s", key, fault)
            self._said = broken
