"""Tells the others what systemd says of the units on this host.

Each change is said at once; what changes while that is under way is said together afterwards.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from agent.backoff import pause
from agent.errors import HostError
from agent.host import Host, Stage
from agent.report import news, reports
from registry.errors import Lost, RegistryError
from registry.port import Session
from registry.records import Report

log = logging.getLogger(__name__)


class Publisher:
    """What one session has said. `clock` gives the seconds since the epoch, for people to read."""

    def __init__(
        self, host: Host, session: Session, machine: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._host = host
        self._session = session
        self._machine = machine
        self._clock = clock
        self._published: dict[str, Report] = {}

    async def run(self) -> None:
        """Say everything, then what is new, until the session is lost. Raises Lost."""
        names = frozenset(self._host.remembered())
        failures = 0
        while True:
            await self._host.reachable()
            try:
                await self._publish(names)
            except Lost:
                raise
            except (HostError, RegistryError) as error:
                failures += 1
                log.warning("could not report on %d units: %s", len(names), error)
                await asyncio.sleep(pause(failures))
                continue
            failures = 0
            names = await self._host.changed()

    async def _publish(self, names: frozenset[str]) -> None:
        remembered = self._host.remembered()
        here = [name for name in names if name in remembered]
        statuses = await self._host.states(here)
        current = reports(self._machine, here, statuses, remembered, self._published, self._clock())
        fresh, gone = news(names, current, self._published)
        if fresh or gone:
            await self._session.report(fresh, gone)
        self._published |= current
        for name in gone:
            self._published.pop(name, None)
        if over := [name for name in gone if (m := remembered.get(name)) and m.stage is Stage.GONE]:
            await self._host.forget(over)
