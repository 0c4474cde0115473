"""How long units take from the wish to launch them, taken here, until they are active somewhere.

Rule 1: nobody waits for this: it looks on, and only as long as there is something to see.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass

from fleetd.api.pictures import Pictures
from fleetd.meters import Histogram
from registry.errors import RegistryError
from registry.records import Picture
from units.state import TargetState

log = logging.getLogger(__name__)

MOST = 1000
"""So many starts at most are looked at at once; of more, some are not counted."""
LONGEST = 300.0
"""Seconds after which a start is no longer looked at."""
PAUSE = 0.02
"""Seconds between two looks: closer than any bucket."""


@dataclass(slots=True)
class _Start:
    at: float
    was_idle: bool = False
    """Whether it was seen not to run: one that ran before has not been started."""


class Starts:
    """See the rule above. `run` must be running."""

    def __init__(self, pictures: Pictures, took: Histogram) -> None:
        self._pictures = pictures
        self._took = took
        self._pending: dict[str, _Start] = {}
        self._some = asyncio.Event()

    def note(self, name: str) -> None:
        """Somebody wants this unit to be launched, since now."""
        if len(self._pending) < MOST:
            self._pending.setdefault(name, _Start(asyncio.get_running_loop().time()))
            self._some.set()

    async def run(self) -> None:
        """Look on whenever units are being started. Never returns."""
        while True:
            await self._some.wait()
            try:
                await self._look_on()
            except RegistryError as error:
                log.debug("starts are not timed: %s", error)
                self._pending.clear()
            self._some.clear()

    async def _look_on(self) -> None:
        clock = asyncio.get_running_loop().time
        async with self._pictures.held() as view:
            while self._pending:
                picture = view.picture
                self._look(picture, clock())
                if self._pending:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(LONGEST):
                            await view.after(picture)
                    await asyncio.sleep(PAUSE)

    def _look(self, picture: Picture, now: float) -> None:
        for name, start in list(self._pending.items()):
            if is_active(picture, name):
                if start.was_idle:
                    self._took.note(now - start.at)
                del self._pending[name]
            elif now - start.at > LONGEST or (start.was_idle and not is_wanted(picture, name)):
                del self._pending[name]
            else:
                start.was_idle = True


def is_wanted(picture: Picture, name: str) -> bool:
    """Whether a unit is to be launched."""
    job = picture.jobs.get(name)
    return job is not None and job.desired is TargetState.LAUNCHED


def is_active(picture: Picture, name: str) -> bool:
    """Whether a unit is active somewhere, with the content that is wanted."""
    job = picture.jobs.get(name)
    reports = picture.reports.get(name, {}).values()
    return job is not None and any(r.active == "active" and r.hash == job.hash for r in reports)
