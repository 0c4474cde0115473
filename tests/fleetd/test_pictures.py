"""The view behind the API: opened by the first read, dropped when nobody reads any more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

import pytest

from fleetd.api.pictures import Pictures
from registry.errors import Refused, Unavailable
from registry.memory import MemoryRegistry, MemoryStore
from registry.port import Scope, View
from registry.records import Job
from tests.fleetd.world import eventually
from units.file import UnitFile
from units.state import TargetState

FILE = UnitFile.from_text("[Service]\nExecStart=/bin/true\n")


class Counting(MemoryRegistry):
    """Counts its open views."""

    opened = 0
    open = 0
    refuses = False

    def follow(self, scope: Scope) -> AbstractAsyncContextManager[View]:
        return self._counted(scope)

    @asynccontextmanager
    async def _counted(self, scope: Scope) -> AsyncIterator[View]:
        if self.refuses:
            raise Refused("wrong password")
        async with super().follow(scope) as view:
            self.opened, self.open = self.opened + 1, self.open + 1
            try:
                yield view
            finally:
                self.open -= 1


@asynccontextmanager
async def reading(registry: MemoryRegistry, *, linger: float = 60.0) -> AsyncIterator[Pictures]:
    pictures = Pictures(registry, linger=linger, patience=0.1)
    running = asyncio.create_task(pictures.run())
    try:
        yield pictures
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_nothing_is_watched_before_somebody_reads() -> None:
    registry = Counting(MemoryStore())
    async with reading(registry):
        await asyncio.sleep(0.01)
        assert registry.opened == 0


async def test_readers_share_one_view() -> None:
    registry = Counting(MemoryStore())
    async with reading(registry) as pictures:
        await asyncio.gather(*(pictures.latest() for _ in range(10)))
        await pictures.latest()
        assert (registry.opened, registry.open) == (1, 1)


async def test_a_read_shows_what_was_written_before_it() -> None:
    registry = Counting(MemoryStore())
    async with reading(registry) as pictures:
        for number in range(20):
            name = f"u{number}.service"
            await registry.save(Job(name, FILE.hash, TargetState.LOADED), FILE, seen=None)
            assert name in (await pictures.latest()).jobs


async def test_a_view_that_nobody_uses_is_dropped_and_opened_again() -> None:
    registry = Counting(MemoryStore())
    async with reading(registry, linger=0.01) as pictures:
        for times in (1, 2):
            await pictures.latest()
            assert registry.opened == times
            await eventually(lambda: registry.open == 0)


async def test_when_the_store_is_away_readers_wait_no_longer_than_promised() -> None:
    store = MemoryStore()
    store.go_away()
    async with reading(MemoryRegistry(store)) as pictures:
        with pytest.raises(Unavailable, match=r"could not be read within 0\.1 s"):
            await pictures.latest()
        store.come_back()
        assert (await pictures.latest()).jobs == {}


async def test_a_refusal_reaches_the_readers_and_the_next_ones_ask_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    registry = Counting(MemoryStore())
    registry.refuses = True
    async with reading(registry) as pictures:
        for _ in range(2):
            with pytest.raises(Refused, match="wrong password"):
                await pictures.latest()
        assert caplog.text.count("the view of the cluster for the API ended: wrong password") == 2
        registry.refuses = False
        assert (await pictures.latest()).jobs == {}
