"""The changes of the cluster for everybody who listens: one view, one ring of what happened last.

Rule 1: a listener that is slow, or was away for long, gets the whole picture again: nothing piles up for it.
Rule 2: nobody listens, nothing is watched.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from fleetd.api.changes import Event, differences, everything
from registry.errors import RegistryError
from registry.port import View
from registry.records import Picture

log = logging.getLogger(__name__)

REMEMBERED = 10_000
"""So many events are kept for those who come back."""
LINGER = 60.0
"""Seconds that the ring is kept up to date after the last listener has gone: it may come back."""
PAUSE = 0.02
"""Seconds in which changes are taken together, so that a storm of them is told in few pieces."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one picture brought."""

    revision: int
    events: tuple[Event, ...]


class Feed:
    """See the rules above. `run` must be running."""

    def __init__(
        self, held: Callable[[], AbstractAsyncContextManager[View]], *, linger: float = LINGER
    ) -> None:
        """`held` gives the view that is followed, for as long as its context lasts."""
        self._held = held
        self._linger = linger
        self._wanted = asyncio.Event()
        self._moved = asyncio.Event()
        self.listeners = 0
        self._ended = False
        self._picture: Picture | None = None
        self._floor = 0
        """All that happened after this revision is in the ring."""
        self._ring: deque[Batch] = deque()
        self._kept = 0

    async def run(self) -> None:
        """Follow the cluster whenever somebody listens. Never returns."""
        try:
            while True:
                await self._wanted.wait()
                try:
                    async with self._held() as view:
                        await self._follow(view)
                except RegistryError as error:
                    log.warning("the events of the cluster are interrupted: %s", error)
                    self._forget()
                    await asyncio.sleep(1.0)  # the pace at which a failing store is tried again
        finally:
            self._ended = True
            self._wake()

    async def listen(self, since: int | None, *, beat: float) -> AsyncGenerator[Sequence[Batch], None]:
        """What happens after a revision, or everything first; nothing at all after `beat` seconds without.

        Ends when the daemon does.
        """
        self.listeners += 1
        self._wanted.set()
        try:
            while not self._ended:
                moved = self._moved
                batches = self._after(since)
                if batches:
                    since = batches[-1].revision
                    yield batches
                elif not await _within(moved, beat):
                    yield ()
        finally:
            self.listeners -= 1

    def _after(self, since: int | None) -> list[Batch]:
        if self._picture is None:
            return []
        if since is None or not self._floor <= since <= self._picture.revision:
            return [Batch(self._picture.revision, (everything(self._picture),))]
        return [batch for batch in self._ring if batch.revision > since]

    async def _follow(self, view: View) -> None:
        """Take in what happens until nobody has listened for a while."""
        picture = self._picture = await view.fresh()
        self._floor = picture.revision
        self._wake()
        clock = asyncio.get_running_loop().time
        needed_at = clock()
        while self.listeners or clock() < needed_at + self._linger:
            if self.listeners:
                needed_at = clock()
            try:
                async with asyncio.timeout(self._linger):
                    await view.after(picture)
            except TimeoutError:
                continue
            await asyncio.sleep(PAUSE)
            newer = view.picture
            self._take(picture, newer)
            picture = newer
        self._forget()

    def _take(self, old: Picture, new: Picture) -> None:
        self._picture = new
        if new.revision < old.revision:
            # The store was restored from a backup: revisions begin to count again.
            self._ring.clear()
            self._kept, self._floor = 0, new.revision
        elif events := tuple(differences(old, new)):
            self._ring.append(Batch(new.revision, events))
            self._kept += len(events)
        while self._kept > REMEMBERED:
            oldest = self._ring.popleft()
            self._kept -= len(oldest.events)
            self._floor = oldest.revision
        self._wake()

    def _forget(self) -> None:
        self._picture = None
        self._ring.clear()
        self._kept = 0
        if not self.listeners:
            self._wanted.clear()

    def _wake(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()


async def _within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
