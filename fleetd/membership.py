"""The life of this host in its cluster: join, work while the session lasts, join again, and leave.

Rule 1: the gate is open exactly while the host is certainly a member.
Rule 2: losing the registry touches no unit; only leaving for good gives them away.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from enum import Enum, auto
from typing import Any, Protocol

from fleetd.api.gate import Gate
from fleetd.facts import Facts
from fleetd.rundir import RunDirectory
from registry.errors import RegistryError
from registry.port import Registry, Session
from units.machine import Machine

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 10.0
"""Seconds between two tries to join."""

Work = Callable[[Session, Machine], Awaitable[None]]
"""What else is done while the session lasts, given the record that was published at its start."""


class Resident(Protocol):
    """The agent, as far as its host's membership concerns it (`agent.loop.Agent`)."""

    async def run(self, session: Session) -> None:
        """Serve a session until it is lost; cancelled, it leaves all units as they are."""

    async def hand_over(self) -> None:
        """Give all units away, in bounded time; may be called while `run` runs."""


class Departure(Enum):
    """How a daemon goes."""

    FOR_GOOD = auto()
    """The units move to other hosts."""
    BACK_SOON = auto()
    """The units stay, and so does the lease: the next daemon goes on with it."""


class Membership:
    """Runs from the first join to the departure. `ttl` is in seconds."""

    def __init__(
        self,
        registry: Registry,
        facts: Facts,
        directory: RunDirectory,
        agent: Resident,
        works: Sequence[Work],
        *,
        gate: Gate,
        ttl: float,
    ) -> None:
        self._registry = registry
        self._facts = facts
        self._directory = directory
        self._agent = agent
        self._works = works
        self._gate = gate
        self._ttl = ttl
        self._departing: asyncio.Future[Departure] = asyncio.get_running_loop().create_future()
        self._has_units = False
        self._in_touch = False

    def depart(self, how: Departure) -> None:
        """Ask `run` to end; only the first who asks is heard."""
        if not self._departing.done():
            self._departing.set_result(how)

    async def run(self) -> None:
        """Be a member as long as the daemon lives; returns after the departure."""
        pause = FIRST_PAUSE
        while not self._departing.done():
            log.info("Establishing etcd connectivity")
            try:
                await self._be_member()
                pause = FIRST_PAUSE
            except RegistryError as error:
                log.warning("Server register machine failed: %s, retrying in %g sec.", error, pause)
                self._gate.shut(f"joining the cluster: {error}")
                await self._rest(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
        # A host that is cut off, or was, hands over too; one that never joined has nothing to give.
        if self._has_units and self._departing.result() is Departure.FOR_GOOD:
            await self._agent.hand_over()

    async def _be_member(self) -> None:
        """Join, and work until the session is lost or the daemon departs. Raises what joining raises."""
        machine = await self._facts.machine()
        token = await asyncio.to_thread(self._directory.session_token)
        async with self._registry.join(machine, ttl=self._ttl, resume=token) as session:
            log.info("hrt.Register() success")
            self._in_touch = True
            await self._keep(session.token)
            self._has_units = True
            await self._serve(session, machine)
            if self._departing.done():
                await self._depart(session)
                return
        self._lost_touch()
        log.info("Restarting server")

    async def _serve(self, session: Session, machine: Machine) -> None:
        """Do all work until the session is lost or the units have been given away."""
        lost = asyncio.ensure_future(session.wait_lost())
        ends: set[asyncio.Future[Any]] = {lost, self._departing}
        log.info("Starting server components")
        self._gate.open_while(lambda: may_answer(session.certain_for, self._ttl))
        try:
            async with asyncio.TaskGroup() as group:
                agent = group.create_task(self._agent.run(session))
                monitor = group.create_task(self._monitor(session))
                works = [group.create_task(_coroutine(work, session, machine)) for work in self._works]
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                # The engine goes first: another one leads while the units here are still stopping.
                for work in works:
                    work.cancel()
                await asyncio.wait(works)
                if self._departing.done() and self._departing.result() is Departure.FOR_GOOD:
                    await self._agent.hand_over()
                    self._has_units = False
                agent.cancel()
                monitor.cancel()
        finally:
            self._gate.shut("joining the cluster again")
            lost.cancel()

    async def _monitor(self, session: Session) -> None:
        """Say, in 1.0's words, when etcd has been away for a whole lease, and when it is back.

        Nothing is stopped meanwhile: without etcd nothing is decided.
        """
        while True:
            await session.wait_certain(False)
            self._lost_touch()
            await session.wait_certain(True)
            self._in_touch = True
            log.info("hrt.Beat() success")

    def _lost_touch(self) -> None:
        if self._in_touch:
            log.error("Server monitor triggered: Monitor timed out before successful heartbeat")
        self._in_touch = False

    async def _depart(self, session: Session) -> None:
        if self._departing.result() is Departure.BACK_SOON:
            log.info("units keep running: fleetd is being restarted")
            return
        try:
            await session.leave()
            await asyncio.to_thread(self._directory.forget_session_token)
        except RegistryError as error:
            log.warning("could not leave, the machine will vanish with its lease: %s", error)
        except OSError as error:
            log.warning("the session that was left could not be forgotten: %s", error)

    async def _keep(self, token: str) -> None:
        try:
            await asyncio.to_thread(self._directory.keep_session_token, token)
        except OSError as error:
            log.warning("a restarted fleetd will have to wait for this lease to end: %s", error)

    async def _rest(self, pause: float) -> None:
        """Wait, unless the daemon departs."""
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await asyncio.shield(self._departing)


async def _coroutine(work: Work, session: Session, machine: Machine) -> None:
    await work(session, machine)


def may_answer(certain_for: float, ttl: float) -> bool:
    """Whether the API is answered while a lease of `ttl` seconds is certain for so many more.

    fleet 1.0 gave up after 5/6 at the latest: it renewed every half of the lease, and tried for a third.
    """
    return certain_for > ttl / 6
