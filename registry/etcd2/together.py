"""Many independent requests at once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any


async def together(requests: Iterable[Coroutine[Any, Any, object]]) -> None:
    """Wait for all, also when some fail; then raise what the first of those raised."""
    outcomes = await asyncio.gather(*requests, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
