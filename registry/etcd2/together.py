"""Many independent requests at once, as far as there are hands to carry them out.

Rule 1: none begins long before it is sent, so what it makes sure of first is still so when it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, Final

from registry.etcd2.members import THREADS

AT_ONCE: Final = 2 * THREADS
"""One is on its way in each thread, and one waits for it."""


async def together(requests: Iterable[Coroutine[Any, Any, object]]) -> None:
    """Wait for all, also when some fail; then raise what the first of those raised."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def in_turn(request: Coroutine[Any, Any, object]) -> None:
        async with turns:
            await request

    waiting = list(requests)
    try:
        outcomes = await asyncio.gather(*map(in_turn, waiting), return_exceptions=True)
    finally:
        for request in waiting:
            request.close()  # nobody has begun it, when all are given up
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
