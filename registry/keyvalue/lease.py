"""A lease, and how it is kept alive.

Rule 1: it has ended when the store says so. It is uncertain once its time has passed by the clock of
        this host, counted from before the last renewal that was answered was sent.
Rule 2: while the store is away renewals go on: etcd gives every lease its whole time again when it
        has a leader again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Protocol

from registry.errors import RegistryError

log = logging.getLogger(__name__)

RENEWALS_PER_TTL: Final = 3
RETRIES_PER_TTL: Final = 15
"""How often a renewal that failed is tried again."""


class Renewer(Protocol):
    """The part of a store that a lease needs."""

    async def renew(self, id: int) -> float:
        """Renew a lease: the seconds it lasts from now, 0 if it has ended. Raises Unavailable."""

    async def revoke(self, id: int) -> None:
        """End a lease, with all that hangs on it. Raises Unavailable."""


class Lease:
    """One lease of a store."""

    def __init__(self, id: int, ttl: float, *, asked_at: float, renewer: Renewer) -> None:
        """`ttl` seconds, counted from when it was asked for, by the clock of the event loop."""
        self.id: Final = id
        self.ttl: Final = ttl
        self._renewer = renewer
        self._ended = asyncio.Event()
        self._renewed = asyncio.Event()
        self._certain_until = asked_at + ttl

    @property
    def is_certain(self) -> bool:
        """Whether it must still last, by the clock of this host."""
        return self.certain_for > 0

    @property
    def certain_for(self) -> float:
        """The seconds that it must still last, by the clock of this host; 0 when it may have ended."""
        if self._ended.is_set():
            return 0.0
        return max(0.0, self._certain_until - asyncio.get_running_loop().time())

    @property
    def has_ended(self) -> bool:
        """Whether it is known that it has ended."""
        return self._ended.is_set()

    def give_up(self) -> None:
        """Say that what hung on it is known to be gone: it counts as ended from now on."""
        self._ended.set()

    async def wait_ended(self) -> None:
        """Return when it is known that it has ended."""
        await self._ended.wait()

    async def wait_uncertain(self) -> None:
        """Return when it has ended, or may have by the clock of this host."""
        while self.is_certain:
            await self._wait_ended_until(self._certain_until)

    async def wait_certain(self) -> None:
        """Return when it is sure to last, by the clock of this host; never once it has ended."""
        while not self.is_certain:
            self._renewed.clear()
            await self._renewed.wait()

    async def end(self) -> None:
        """End it now, with all that hangs on it. Raises Unavailable."""
        await self._renewer.revoke(self.id)
        self._ended.set()

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Renew it until the context ends or it has ended. Leaving the context does not end it."""
        task = asyncio.create_task(self._renew_for_ever(), name=f"renew lease {self.id:x}")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _renew_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        is_failing = False
        due = loop.time() + self.ttl / RENEWALS_PER_TTL
        while not await self._wait_ended_until(due):
            asked_at = loop.time()
            try:
                await self._renew(asked_at)
            except RegistryError as error:
                if not is_failing:
                    log.warning("lease %x not renewed, trying on: %s", self.id, error)
            except Exception:
                log.exception("renewing lease %x", self.id)
            else:
                if is_failing and not self.has_ended:
                    log.info("lease %x renewed again", self.id)
                is_failing = False
                # From when it was asked for: an answer that took long leaves less of the lease.
                due = asked_at + self.ttl / RENEWALS_PER_TTL
                continue
            is_failing = True
            due = loop.time() + self.ttl / RETRIES_PER_TTL

    async def _renew(self, asked_at: float) -> None:
        ttl = await self._renewer.renew(self.id)
        if ttl > 0:
            self._certain_until = asked_at + ttl
            self._renewed.set()
        else:
            log.warning("lease %x has ended", self.id)
            self._ended.set()

    async def _wait_ended_until(self, when: float) -> bool:
        """Whether it has ended, known at the latest at a time of the event loop's clock."""
        try:
            async with asyncio.timeout_at(when):
                await self._ended.wait()
        except TimeoutError:
            return False
        return True
