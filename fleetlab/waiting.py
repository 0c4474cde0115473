"""Waiting for facts: a real condition, looked at often, never a bare sleep."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar, overload

from fleetlab.errors import LabError, TimedOut

T = TypeVar("T")


@overload
async def wait_until(
    condition: Callable[[], Awaitable[T]], timeout: float, what: str, *, interval: float = ...
) -> T: ...
@overload
async def wait_until(
    condition: Callable[[], T], timeout: float, what: str, *, interval: float = ...
) -> T: ...
async def wait_until(
    condition: Callable[[], Any], timeout: float, what: str, *, interval: float = 0.02
) -> Any:
    """The first true value of the condition, looked at every `interval` seconds.

    A `LabError` or `OSError` that the condition raises counts as "not yet".
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            seen = await _look(condition, deadline)
            if seen:
                return seen
        except (LabError, OSError) as error:
            seen = error
        if time.monotonic() >= deadline:
            raise TimedOut(what, timeout, seen)
        await asyncio.sleep(interval)


async def _look(condition: Callable[[], Any], deadline: float) -> Any:
    """The condition's value now; one that has to be awaited gets no more time than is left."""
    value = condition()
    if not inspect.isawaitable(value):
        return value
    try:
        async with asyncio.timeout(max(deadline - time.monotonic(), 0.001)):
            return await value
    except TimeoutError as error:
        notes = getattr(error.__cause__, "__notes__", ())
        raise LabError("; ".join(notes) or str(error) or "no value in time") from error


async def together(*awaitables: Coroutine[Any, Any, object]) -> None:
    """Do all of these at once; when one fails the others are cancelled, and its error is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for awaitable in awaitables:
                group.create_task(awaitable)
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
