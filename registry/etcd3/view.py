"""A view of a scope of etcd: read once, then kept up to date by a watch for as long as it is open.

Rule 1: a view of one range goes on after its last revision when the watch breaks. One of several ranges is
        read anew: so it comes to the present in one step.
Rule 2: each picture is of one revision: what has come of one range waits until as much has come of the
        others, or a look at all of them in one transaction shows that they have nothing more.
Rule 3: that a revision is reached is known from the watch when there is one range; else, and when
        etcd's revision belongs to keys of others, from such a look.
"""

from __future__ import annotations

import asyncio
import logging
from asyncio import FIRST_COMPLETED
from contextlib import suppress
from dataclasses import replace
from typing import Final

from registry.errors import RegistryError, Unavailable
from registry.etcd3.client import LONGEST_PAUSE, Client
from registry.etcd3.faults import Compacted
from registry.etcd3.history import History
from registry.etcd3.messages import reading_request
from registry.etcd3.parts import Parts
from registry.etcd3.reading import newer, now, pages
from registry.etcd3.watch import Watch
from registry.keys import Keys
from registry.port import Scope
from registry.records import Picture
from registry.tables import Tables
from registry.window import Window

log = logging.getLogger(__name__)

FIRST_LOOK: Final = 0.02
"""Seconds after which a change of our own that was committed would normally have arrived."""
LONGEST_LOOK: Final = 0.25
FIRST_PAUSE: Final = 0.02
CHANGES_PER_TURN: Final = 500
"""So many records are read before others get their turn."""


class Etcd3View:
    """See `registry.port.View`."""

    def __init__(self, client: Client, keys: Keys, scope: Scope) -> None:
        self._client = client
        self._keys = keys
        self._ranges = keys.ranges(scope)
        self._window = Window(Tables(keys))
        self._parts = Parts(len(self._ranges))
        self._history = History(0, 0, 0)
        self._stale = True

    @property
    def picture(self) -> Picture:
        return self._window.picture

    async def after(self, seen: Picture) -> Picture:
        return await self._window.after(seen)

    async def fresh(self) -> Picture:
        return await self.reached((await now(self._client)).revision)

    async def reached(self, revision: int) -> Picture:
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + self._client.patience, FIRST_LOOK
        if len(self._ranges) > 1 and self._window.revision < revision:
            await self._look()
        while self._window.revision < revision:
            await self._wait_revision(revision, pause)
            if self._window.revision >= revision:
                break
            await self._look()
            if loop.time() > deadline:
                raise Unavailable(f"the view is at revision {self._window.revision}, not yet at {revision}")
            pause = min(2 * pause, LONGEST_LOOK)
        return self._window.picture

    async def load(self) -> None:
        """Read the scope. Waits while etcd is away. Raises Refused."""
        while self._stale:
            try:
                await self._read()
            except (Unavailable, Compacted):
                await asyncio.sleep(FIRST_PAUSE)

    async def keep_up(self) -> None:
        """Take in changes for ever."""
        failures = 0
        while True:
            try:
                if self._stale:
                    await self._read()
                async with Watch(self._client, self._ranges, self._parts.complete + 1) as watch:
                    await self._check_past(watch.history)
                    failures = 0
                    await (self._take_one(watch) if len(self._ranges) == 1 else self._take_several(watch))
            except Compacted as error:
                log.info("what the view has missed is gone, all of it is read again: %s", error)
                self._stale = True
            except RegistryError as error:
                failures += 1
                if failures > len(self._client.channels):
                    self._client.contact.lost(str(error))
            except Exception:
                failures += 1
                self._stale = True
                log.exception("following etcd")
            self._stale = self._stale or len(self._ranges) > 1
            await asyncio.sleep(_pause(failures))

    async def _take_one(self, watch: Watch) -> None:
        """Take in news of one range, until the watch breaks."""
        while True:
            self._parts.take(await watch.next())
            self._release()

    async def _take_several(self, watch: Watch) -> None:
        """The same for several ranges: their news wait for a look, which is taken while more comes in."""
        reading = asyncio.create_task(watch.next())
        looking: asyncio.Task[None] | None = None
        has_come = False
        try:
            while True:
                await asyncio.wait({t for t in (reading, looking) if t}, return_when=FIRST_COMPLETED)
                if looking is not None and looking.done():
                    looking.result()
                    looking = None
                if reading.done():
                    self._parts.take(reading.result())
                    self._release()
                    has_come = True
                    reading = asyncio.create_task(watch.next())
                if looking is None and has_come:
                    looking, has_come = asyncio.create_task(self._look()), False
        finally:
            left = [task for task in (reading, looking) if task]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    def _release(self) -> None:
        """Show all up to the last revision of which nothing is missing."""
        if self._parts.complete > self._window.revision:
            self._window.push(self._parts.ready(), self._parts.complete)

    async def _check_past(self, seen: History) -> None:
        """Raise Compacted if etcd no longer knows what this view has seen of it."""
        mine = replace(self._history, revision=self._parts.newest)
        if not seen.continues(mine):
            seen = await now(self._client)
            if not seen.continues(mine):
                raise Compacted("etcd was emptied or restored")
        self._history = seen

    async def _read(self) -> None:
        known = self._window.picture.files
        tables, parts = Tables(self._keys), Parts(len(self._ranges))
        history = self._history
        async for page in pages(self._client, self._ranges):
            history = page.history
            parts.read(page.part, page.changes, history.revision)
            for start in range(0, len(page.changes), CHANGES_PER_TURN):
                chunk = page.changes[start : start + CHANGES_PER_TURN]
                tables = tables.after(chunk, history.revision, known)
                await asyncio.sleep(0)
        self._parts, self._history = parts, history
        self._window.replace(tables.after((), history.revision))
        self._stale = False

    async def _wait_revision(self, revision: int, timeout: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._window.wait_revision(revision)

    async def _look(self) -> None:
        """See which ranges have nothing newer than what has come of them, and show what follows from that."""
        parts = self._parts
        known = tuple(parts)
        requests = [newer(self._client, r, at.revision) for r, at in zip(self._ranges, known, strict=True)]
        answer = await self._client.call("KV.Txn", reading_request(self._client.stubs, requests), again=True)
        if parts is self._parts:
            for part, (at, response) in enumerate(zip(known, answer.responses, strict=True)):
                found = response.response_range
                if not found.kvs and found.count == at.keys:
                    parts.has_no_more(part, answer.header.revision)
            self._release()


def _pause(failures: int) -> float:
    """Seconds to wait after so many failures in a row; the first is mended at once."""
    return 0.0 if failures <= 1 else min(FIRST_PAUSE * 2 ** min(failures, 10), LONGEST_PAUSE)
