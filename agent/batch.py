"""Doing together what arrives together: the first at once, what comes meanwhile after it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

Failures = Mapping[K, Exception]


class Batches(Generic[K, V]):
    """Hands over what many have asked for to one function, which returns the failures among them."""

    def __init__(self, work: Callable[[Mapping[K, V]], Awaitable[Failures[K]]]) -> None:
        self._work = work
        self._waiting: dict[K, tuple[V, asyncio.Future[None]]] = {}
        self._worker: asyncio.Task[None] | None = None

    async def add(self, key: K, value: V) -> None:
        """Have this done, and wait until it is. Raises what became of this one."""
        if key in self._waiting:
            self._waiting.pop(key)[1].cancel()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[key] = (value, done)
        if self._worker is None:
            self._worker = asyncio.create_task(self._run())
        await done

    async def _run(self) -> None:
        try:
            while batch := self._waiting:
                self._waiting = {}
                await self._do(batch)
        finally:
            self._worker = None

    async def _do(self, batch: Mapping[K, tuple[V, asyncio.Future[None]]]) -> None:
        try:
            failures = await self._work({key: value for key, (value, _) in batch.items()})
        except BaseException as error:
            for _, done in batch.values():
                if not done.done():
                    done.set_exception(error) if isinstance(error, Exception) else done.cancel()
            if not isinstance(error, Exception):
                raise
            return
        for key, (_, done) in batch.items():
            if done.done():
                continue
            done.set_exception(failures[key]) if key in failures else done.set_result(None)
