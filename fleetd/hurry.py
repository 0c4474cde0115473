"""A limit to how long the registry may be waited for where somebody waits for us."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from registry.errors import Unavailable


@asynccontextmanager
async def hurried(limit: float | None) -> AsyncIterator[None]:
    """What is done within takes no longer than `limit` seconds (None: any time), or raises Unavailable."""
    try:
        async with asyncio.timeout(limit):
            yield
    except TimeoutError:
        raise Unavailable(f"no answer from etcd within {limit:g} s") from None
