"""Tells the others what systemd says of the units on this host.

Each change is said at once; what changes while that is under way is said together afterwards.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace

from agent.backoff import pause
from agent.errors import HostError
from agent.host import Host, Stage, UnitStatus
from agent.report import news, reports
from agent.troubles import Troubles
from registry.errors import Lost, RegistryError
from registry.port import Session
from registry.records import Report

log = logging.getLogger(__name__)

Source = Callable[[], Awaitable[frozenset[str]]]
SILENT = 1.0
"""Seconds after which systemd counts as silent, until it answers."""
UP = frozenset({"active", "reloading", "refreshing"})


class Publisher:
    """What one session has said. `clock` gives the seconds since the epoch, for people to read."""

    def __init__(
        self,
        host: Host,
        session: Session,
        machine: str,
        clock: Callable[[], float] = time.time,
        *,
        troubles: Troubles | None = None,
    ) -> None:
        self._host = host
        self._session = session
        self._machine = machine
        self._clock = clock
        self._troubles = troubles or Troubles()
        self._published: dict[str, Report] = {}
        self._hearing: dict[Source, asyncio.Future[frozenset[str]]] = {}

    async def run(self) -> None:
        """Say everything, then what is new, until the session is lost. Raises Lost."""
        try:
            await self._keep_telling()
        finally:
            for source in self._hearing.values():
                source.cancel()

    async def _keep_telling(self) -> None:
        names = frozenset(self._host.remembered()) | self._troubles.all().keys()
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
            names = await self._news()

    async def _news(self) -> frozenset[str]:
        """Wait until there is something new about some units, from systemd or from the agent's own work."""
        for source in (self._host.changed, self._troubles.changed):
            if source not in self._hearing:
                self._hearing[source] = asyncio.ensure_future(source())
        done, _ = await asyncio.wait(self._hearing.values(), return_when=asyncio.FIRST_COMPLETED)
        self._hearing = {source: heard for source, heard in self._hearing.items() if heard not in done}
        return frozenset().union(*(heard.result() for heard in done))

    async def _publish(self, names: frozenset[str]) -> None:
        remembered = self._host.remembered()
        statuses = await self._states([name for name in names if name in remembered])
        self._troubles.active([name for name, status in statuses.items() if status.active in UP])
        troubles = self._troubles.all()
        current = reports(
            self._machine, names, statuses, remembered, self._published, self._clock(), troubles
        )
        fresh, gone = news(names, current, self._published)
        if fresh or gone:
            await self._session.report(fresh, gone)
        self._published |= current
        for name in gone:
            self._published.pop(name, None)
        if over := [name for name in gone if (m := remembered.get(name)) and m.stage is Stage.GONE]:
            await self._host.forget(over)

    async def _states(self, names: Collection[str]) -> Mapping[str, UnitStatus]:
        """What systemd says; while it says nothing, what troubles the units is said without it."""
        asking = asyncio.ensure_future(self._host.states(names))
        try:
            while not (await asyncio.wait({asking}, timeout=SILENT))[0]:
                await self._say_troubles()
            return await asking
        except HostError:
            await self._say_troubles()
            raise
        finally:
            asking.cancel()

    async def _say_troubles(self) -> None:
        """While systemd is silent: what troubles the units, beside the last that was said of them.

        Of those that could not be loaded all is known without it.
        """
        troubles = self._troubles.all()
        current = {
            name: replace(report, reason=trouble.reason, failures=trouble.failures)
            for name, report in self._published.items()
            if (trouble := troubles.get(name))
        }
        current |= reports(self._machine, troubles, {}, {}, self._published, self._clock(), troubles)
        fresh, _ = news((), current, self._published)
        if fresh:
            await self._session.report(fresh, ())
            self._published |= {report.name: report for report in fresh}
