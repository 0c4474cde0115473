"""Who asks the API is not kept waiting for as long as a daemon by itself would wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from fleetd.api.pictures import Pictures
from fleetd.metrics import Metrics
from fleetd.observed import Lead, ObservedRegistry
from registry.errors import Unavailable
from registry.memory import MemoryRegistry, MemoryStore
from registry.port import Scope, View
from registry.records import Job, Picture

SAID = r"no answer from etcd within 0\.01 s"


class Silent(MemoryRegistry):
    """Opens views, and from then on never answers."""

    async def job(self, name: str) -> Job | None:
        return await asyncio.Event().wait() and None

    @asynccontextmanager
    async def follow(self, scope: Scope) -> AsyncIterator[View]:
        async with super().follow(scope) as view:
            yield _Silent(view)


class _Silent:
    def __init__(self, view: View) -> None:
        self.picture = view.picture
        self.after = view.after
        self.reached = view.reached

    async def fresh(self) -> Picture:
        await asyncio.Event().wait()
        return self.picture


async def test_a_call_of_the_registry_ends_after_its_limit_and_counts_as_failed() -> None:
    metrics = Metrics()
    registry = ObservedRegistry(Silent(MemoryStore()), metrics, Lead(), limit=0.01)
    with pytest.raises(Unavailable, match=SAID):
        await registry.job("a.service")
    assert metrics.registry_failures.count("get") == 1


async def test_a_read_of_the_view_ends_after_its_limit() -> None:
    pictures = Pictures(Silent(MemoryStore()), limit=0.01)
    running = asyncio.ensure_future(pictures.run())
    with pytest.raises(Unavailable, match=SAID):
        await pictures.latest()
    running.cancel()
