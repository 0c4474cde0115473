"""What tests of the layout wait for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from registry.errors import Unavailable
from tests.registry.world import SOON

T = TypeVar("T")


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


async def insisting(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask, or write what nobody else writes, until etcd says that it is done."""
    while True:
        try:
            return await ask()
        except Unavailable:
            await asyncio.sleep(0.05)
