"""All keys below the prefix, read once and kept up to date by a long poll, for all who look at them.

Rule 1: no gaps: each poll asks from the first index that is not known yet, and when etcd no longer knows
        it (it keeps the last 1000 events), all is read again.
Rule 2: that an index is reached is known from the events. When they do not say so soon (others write to
        this etcd, too), all is read again: what is shown is never older than promised.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from registry.errors import RegistryError, Unavailable
from registry.etcd2.client import LONGEST_PAUSE, Answer, Client
from registry.etcd2.faults import KEY_NOT_FOUND
from registry.etcd2.nodes import Group, Nodes, leaves, relative
from registry.etcd2.tables import Translator
from registry.keys import Keys
from registry.tables import Change

log = logging.getLogger(__name__)

FIRST_PAUSE: Final = 0.02
FIRST_LOOK: Final = 0.03
"""Seconds after which a change that etcd has would normally have arrived."""
TOO_FAR_BEHIND: Final = 300
"""Events; to read so many, one by one, takes longer than to read everything."""


@dataclass(frozen=True, slots=True)
class News:
    """What has changed: groups of keys, and what follows for the records."""

    touched: frozenset[Group]
    changes: tuple[Change, ...]
    index: int
    is_another_past: bool = False
    """etcd was emptied or restored: what was known before says nothing any more."""


Hearer = Callable[[News], None]


class Mirror:
    """What etcd holds below the prefix. It is kept while anybody has it open."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self.keys: Final = keys
        self.nodes: Final = Nodes()
        self.translator: Final = Translator(keys, self.nodes)
        self.index = 0
        """Up to here everything is known."""
        self._client = client
        self._hearers: dict[Hearer, None] = {}
        self._users = 0
        self._loaded = False
        self._loading = asyncio.Lock()
        self._reading = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def opened(self, *, patiently: bool = True) -> AsyncIterator[None]:
        """Keep it while the context lasts; it begins with all that was written before.

        While etcd is away it waits, or if it is not to wait raises Unavailable. Raises Refused.
        """
        self._users += 1
        try:
            if self._loaded:
                await self._until_answered(self.fresh, patiently=patiently)
            await self._load(patiently=patiently)
            yield
        finally:
            self._users -= 1
            if not self._users and self._task is not None:
                task, self._task = self._task, None
                self._loaded = False
                task.cancel()
                await asyncio.wait([task])

    @asynccontextmanager
    async def heard_by(self, hearer: Hearer) -> AsyncIterator[None]:
        """Tell somebody of all that changes while the context lasts."""
        self._hearers[hearer] = None
        try:
            yield
        finally:
            del self._hearers[hearer]

    async def fresh(self) -> None:
        """Know all that was written before this call. Raises Unavailable, Refused."""
        known = self.index
        index = await self._client.index()
        if index < known:
            await self._read()
        else:
            await self.reach(index)

    async def reach(self, index: int) -> None:
        """Know all up to an index. Raises Unavailable, Refused."""
        if self.index < index:
            await self._wait_index(index, FIRST_LOOK)
        deadline = asyncio.get_running_loop().time() + self._client.patience
        while self.index < index:
            if asyncio.get_running_loop().time() > deadline:
                raise Unavailable(f"the view is at index {self.index}, not yet at {index}")
            async with self._reading:
                if self.index < index:
                    await self._read()

    async def _wait_index(self, index: int, timeout: float) -> None:
        moved = asyncio.Event()
        with suppress(TimeoutError):
            async with self.heard_by(lambda _: moved.set()), asyncio.timeout(timeout):
                while self.index < index:
                    moved.clear()
                    await moved.wait()

    async def _load(self, *, patiently: bool) -> None:
        """Read all for the first time, and go on."""
        async with self._loading:
            if not self._loaded:
                await self._until_answered(self._read, patiently=patiently)
                self._loaded = True
            if self._task is None:
                self._task = asyncio.create_task(self._keep_up(), name="follow etcd")

    async def _until_answered(self, ask: Callable[[], Awaitable[None]], *, patiently: bool) -> None:
        """Ask until etcd answers, or only once."""
        while True:
            try:
                return await ask()
            except Unavailable as error:
                self._client.contact.lost(str(error))
                if not patiently:
                    raise
                await asyncio.sleep(LONGEST_PAUSE)

    async def _keep_up(self) -> None:
        """Take in what changes, for ever."""
        failures = 0
        while True:
            try:
                await self._take_next()
                failures = 0
            except RegistryError as error:
                failures += 1
                if failures > len(self._client.members):
                    self._client.contact.lost(str(error))
            except Exception:
                failures += 1
                log.exception("following etcd")
            await asyncio.sleep(min(FIRST_PAUSE * 2**failures, LONGEST_PAUSE) if failures > 1 else 0)

    async def _take_next(self) -> None:
        """Take the next event, if one comes; read all if that is shorter, or needed."""
        polled = await self._client.poll(self.index + 1)
        self._client.contact.answered(self._client.members.address)
        if polled.is_too_late:
            log.info("etcd no longer knows what the view has missed, all of it is read again")
            await self._read()
        elif polled.event is None:
            await self._check_past(polled.index)
        elif polled.index - polled.event.index > TOO_FAR_BEHIND:
            await self._read()
        elif polled.event.index > self.index:
            is_heartbeat = self.nodes.is_heartbeat(polled.event)
            touched = self.nodes.take(polled.event)
            self._tell(touched, polled.event.index, is_heartbeat=is_heartbeat)

    async def _check_past(self, index: int) -> None:
        """Nothing has happened for a while up to an index, or etcd knows another past than we do.

        Or the member is cut off from the others and hears nothing: then the quorum, asked through it, does
        not answer, and another member is used.
        """
        known = self.index
        if index > known:
            self._tell(set(), index)
        elif await self._client.index() < known:
            await self._read()

    async def _read(self) -> None:
        """Read all: one answer, so one picture."""
        known = self.index
        answer = await self._client.get("", recursive=True)
        is_another_past = answer.index < known
        if answer.index < self.index and not is_another_past:
            return
        if is_another_past:
            log.warning("etcd was emptied or restored: it is at index %d, and was at %d", answer.index, known)
        touched = self.nodes.become(self._found(answer))
        self._tell(touched, answer.index, is_another_past=is_another_past)

    def _found(self, answer: Answer) -> Nodes:
        found = Nodes()
        if answer.code != KEY_NOT_FOUND:
            for key, node in leaves(answer.fields):
                found.put(relative(key, self._client.prefix), node)
        return found

    def _tell(
        self,
        touched: set[Group],
        index: int,
        *,
        is_another_past: bool = False,
        is_heartbeat: bool = False,
    ) -> None:
        self.index = index
        changes = () if is_heartbeat else tuple(self.translator.changes(touched))
        news = News(frozenset(touched), changes, index, is_another_past)
        for hearer in tuple(self._hearers):
            hearer(news)
