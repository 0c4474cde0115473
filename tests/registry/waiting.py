"""What tests of the layout wait for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from tests.registry.world import SOON


@asynccontextmanager
async def running(coroutine: Awaitable[None]) -> AsyncIterator[None]:
    """Something that runs until the context ends."""
    task = asyncio.ensure_future(coroutine)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    """Wait for a fact that only etcd knows."""
    async with asyncio.timeout(SOON):
        while not await condition():  # noqa: ASYNC110  # raw etcd tells nobody
            await asyncio.sleep(0.02)
