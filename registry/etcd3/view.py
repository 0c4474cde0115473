"""A view of a scope of etcd: read once, then kept up to date by a watch for as long as it is open.

Rule 1: a view of one range resumes after its last revision when the watch breaks. One of several
        ranges is read anew: only in a settled watch do changes of several ranges come in their order.
Rule 2: that a revision is reached is known from the watch when there is one range; else, and when
        etcd's revision belongs to keys of others, from a look whether anything is newer than the view.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from registry.errors import RegistryError, Unavailable
from registry.etcd3.client import LONGEST_PAUSE, Client
from registry.etcd3.faults import Compacted
from registry.etcd3.history import History
from registry.etcd3.messages import reading_request
from registry.etcd3.reading import newer, now, pages
from registry.etcd3.watch import Watch
from registry.keys import Keys
from registry.port import Scope
from registry.records import Picture
from registry.tables import Change, Tables
from registry.window import Window

log = logging.getLogger(__name__)

FIRST_LOOK: Final = 0.02
"""Seconds after which a change of our own that was committed would normally have arrived."""
LONGEST_LOOK: Final = 0.25
FIRST_PAUSE: Final = 0.02
CHANGES_PER_TURN: Final = 500
"""So many records are read before others get their turn."""


@dataclass(slots=True)
class _Part:
    """What is known of one range: up to which revision, and which keys it has."""

    revision: int = 0
    keys: set[str] = field(default_factory=set)

    def take(self, changes: tuple[Change, ...], revision: int) -> None:
        for change in changes:
            if change.value is None:
                self.keys.discard(change.key)
            else:
                self.keys.add(change.key)
        self.revision = revision


class Etcd3View:
    """See `registry.port.View`."""

    def __init__(self, client: Client, keys: Keys, scope: Scope) -> None:
        self._client = client
        self._keys = keys
        self._ranges = keys.ranges(scope)
        self._window = Window(Tables(keys))
        self._parts: list[_Part] = []
        self._history = History(0, 0, 0)
        self._stale = True
        self._complete_at = 0
        """The last revision at which nothing was newer than the view."""

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
        if len(self._ranges) > 1 and not self._has(revision):
            await self._look()
        while not self._has(revision):
            await self._wait_move(revision, pause)
            if self._has(revision):
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
                async with Watch(self._client, self._ranges, self._window.revision + 1) as watch:
                    await self._check_past(watch.history)
                    failures = 0
                    await self._take_all(watch)
            except Compacted as error:
                log.info("what the view has missed is gone, all of it is read again: %s", error)
                self._stale = True
            except RegistryError as error:
                failures += 1
                if failures > len(self._client.channels):
                    self._client.lost(str(error))
            except Exception:
                failures += 1
                self._stale = True
                log.exception("following etcd")
            self._stale = self._stale or len(self._ranges) > 1
            await asyncio.sleep(_pause(failures))

    async def _take_all(self, watch: Watch) -> None:
        while True:
            news = await watch.next()
            self._parts[news.part].take(news.changes, news.revision)
            self._window.push(news.changes, news.revision)

    async def _check_past(self, seen: History) -> None:
        """Raise Compacted if etcd no longer knows what this view has seen of it."""
        mine = replace(self._history, revision=self._window.revision)
        if not seen.continues(mine):
            seen = await now(self._client)
            if not seen.continues(mine):
                raise Compacted("etcd was emptied or restored")
        self._history = seen

    async def _read(self) -> None:
        known = self._window.picture.files
        tables, parts = Tables(self._keys), [_Part() for _ in self._ranges]
        history = self._history
        async for page in pages(self._client, self._ranges):
            history = page.history
            parts[page.part].take(page.changes, history.revision)
            for start in range(0, len(page.changes), CHANGES_PER_TURN):
                chunk = page.changes[start : start + CHANGES_PER_TURN]
                tables = tables.after(chunk, history.revision, known)
                await asyncio.sleep(0)
        self._parts, self._history, self._complete_at = parts, history, history.revision
        self._window.replace(tables.after((), history.revision))
        self._stale = False

    def _has(self, revision: int) -> bool:
        """Whether the picture is known to hold all up to a revision."""
        return (self._window.revision if len(self._ranges) == 1 else self._complete_at) >= revision

    async def _wait_move(self, revision: int, timeout: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                if len(self._ranges) == 1:
                    await self._window.wait_revision(revision)
                else:
                    await self._window.wait_move()

    async def _look(self) -> None:
        """See whether anything in the scope is newer than the view; if not, it is as new as this look."""
        parts = self._parts
        known = [(part.revision, len(part.keys)) for part in parts]
        requests = [newer(self._client, r, at) for r, (at, _) in zip(self._ranges, known, strict=True)]
        answer = await self._client.call("KV.Txn", reading_request(self._client.stubs, requests), again=True)
        found = [response.response_range for response in answer.responses]
        unchanged = all(not f.kvs and f.count == count for f, (_, count) in zip(found, known, strict=True))
        if unchanged and parts is self._parts:
            for part in parts:
                part.revision = max(part.revision, answer.header.revision)
            self._complete_at = max(self._complete_at, answer.header.revision)
            self._window.push((), answer.header.revision)


def _pause(failures: int) -> float:
    """Seconds to wait after so many failures in a row; the first is mended at once."""
    return 0.0 if failures <= 1 else min(FIRST_PAUSE * 2 ** min(failures, 10), LONGEST_PAUSE)
