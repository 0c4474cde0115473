"""The shared state as the API reads it: one view of everything, open while somebody looks.

Rule 1: a read is never older than the request that made it.
Rule 2: nobody reads, nothing is watched: the view is dropped after `linger` seconds without a read.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fleetd.api.feed import Feed
from fleetd.hurry import hurried
from registry.errors import RegistryError, Unavailable
from registry.port import Everything, Registry, View
from registry.records import Picture
from units.machine import Machine

log = logging.getLogger(__name__)

MACHINES_REMEMBERED = 1000


class Pictures:
    """Opened by the first read; `run` must be running for reads to succeed. Times are in seconds."""

    def __init__(
        self,
        registry: Registry,
        *,
        linger: float = 60.0,
        patience: float = 5.0,
        limit: float | None = None,
    ) -> None:
        """`patience` is for the first read, which loads everything, `limit` for each after it."""
        self._registry = registry
        self._linger = linger
        self._patience = patience
        self._limit = limit
        self._used = asyncio.Event()
        self._view: asyncio.Future[View] | None = None
        self._holders = 0
        self._machines: Mapping[str, Machine] = {}
        self._witnessed_at = 0.0
        self.last_seen: dict[str, float] = {}
        """When machines that are gone were last seen by a read, in seconds since the epoch."""
        self.feed = Feed(self.held, linger=linger)
        """The changes between the pictures, as events."""

    async def latest(self) -> Picture:
        """A picture that holds all that was written before this call. Raises RegistryError."""
        view = await self._opened()
        async with hurried(self._limit):
            picture = await view.fresh()
        self._witness(picture)
        return picture

    def _witness(self, picture: Picture) -> None:
        """Remember when machines were there."""
        now = time.time()
        if picture.machines is not self._machines:
            for id in self._machines.keys() - picture.machines.keys():
                self.last_seen[id] = self._witnessed_at
            for id in picture.machines:
                self.last_seen.pop(id, None)
            while len(self.last_seen) > MACHINES_REMEMBERED:
                del self.last_seen[next(iter(self.last_seen))]
        self._machines, self._witnessed_at = picture.machines, now

    @asynccontextmanager
    async def held(self) -> AsyncIterator[View]:
        """The view, which is not dropped while the context lasts. Raises RegistryError."""
        self._holders += 1
        try:
            yield await self._opened()
        finally:
            self._holders -= 1

    async def _opened(self) -> View:
        if self._view is None:
            self._view = asyncio.get_running_loop().create_future()
        opening = self._view
        self._used.set()
        try:
            async with asyncio.timeout(self._patience):
                return await asyncio.shield(opening)
        except TimeoutError:
            raise Unavailable(f"the shared state could not be read within {self._patience} s") from None

    async def run(self) -> None:
        """Open the view whenever it is wanted and close it when it no longer is, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.feed.run())
            group.create_task(self._run())

    async def _run(self) -> None:
        while True:
            await self._used.wait()
            try:
                await self._hold_open()
            except RegistryError as error:
                log.error("the view of the cluster for the API ended: %s", error)
                self._fail(error)

    async def _hold_open(self) -> None:
        async with self._registry.follow(Everything()) as view:
            if self._view is None:
                return
            self._view.set_result(view)
            try:
                await self._wait_unused()
            finally:
                self._view = None

    async def _wait_unused(self) -> None:
        while self._used.is_set() or self._holders:
            self._used.clear()
            try:
                async with asyncio.timeout(self._linger):
                    await self._used.wait()
            except TimeoutError:
                continue

    def _fail(self, error: RegistryError) -> None:
        self._used.clear()
        opening, self._view = self._view, None
        if opening is not None and not opening.done():
            opening.set_exception(error)
            opening.exception()  # whoever waited may have given up already
