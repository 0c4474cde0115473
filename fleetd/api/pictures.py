"""The shared state as the API reads it: one view of everything, open while somebody looks.

Rule 1: a read is never older than the request that made it.
Rule 2: nobody reads, nothing is watched: the view is dropped after `linger` seconds without a read.
"""

import asyncio
import logging

from registry.errors import RegistryError, Unavailable
from registry.port import Everything, Registry, View
from registry.records import Picture

log = logging.getLogger(__name__)


class Pictures:
    """Opened by the first read; `run` must be running for reads to succeed. Times are in seconds."""

    def __init__(self, registry: Registry, *, linger: float = 60.0, patience: float = 5.0) -> None:
        self._registry = registry
        self._linger = linger
        self._patience = patience
        self._used = asyncio.Event()
        self._view: asyncio.Future[View] | None = None

    async def latest(self) -> Picture:
        """A picture that holds all that was written before this call. Raises RegistryError."""
        if self._view is None:
            self._view = asyncio.get_running_loop().create_future()
        opening = self._view
        self._used.set()
        try:
            async with asyncio.timeout(self._patience):
                view = await asyncio.shield(opening)
        except TimeoutError:
            raise Unavailable(f"the shared state could not be read within {self._patience} s") from None
        return await view.fresh()

    async def run(self) -> None:
        """Open the view whenever it is wanted and close it when it no longer is, for ever."""
        while True:
            await self._used.wait()
            try:
                await self._hold_open()
            except RegistryError as error:
                log.error("the view of the cluster for the API ended: %s", error)
                self._fail(error)

    async def _hold_open(self) -> None:
        async with self._registry.follow(Everything()) as view:
            if self._view is None:
                return
            self._view.set_result(view)
            try:
                await self._wait_unused()
            finally:
                self._view = None

    async def _wait_unused(self) -> None:
        while self._used.is_set():
            self._used.clear()
            try:
                async with asyncio.timeout(self._linger):
                    await self._used.wait()
            except TimeoutError:
                return

    def _fail(self, error: RegistryError) -> None:
        self._used.clear()
        opening, self._view = self._view, None
        if opening is not None and not opening.done():
            opening.set_exception(error)
            opening.exception()  # whoever waited may have given up already
