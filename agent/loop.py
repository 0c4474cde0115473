"""The agent: makes this host match its schedule, answers offers, and reports what systemd says.

Rule 1: a picture, an event and the clock run the same line of code: look, plan, begin.
Rule 2: without the registry nothing is decided, so nothing that runs is touched.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from agent.desired import Desired, KnownRequirements, candidates, desired
from agent.errors import HostError
from agent.handover import replaced, start_first
from agent.host import Host, Present
from agent.offers import Bidder
from agent.plan import plan
from agent.publish import Publisher
from agent.returning import HOLD_AT_MOST, Leftovers
from agent.tasks import Tasks
from agent.troubles import Troubles
from registry.errors import Lost, RegistryError
from registry.port import OneMachine, Registry, Session, View
from registry.records import Picture

log = logging.getLogger(__name__)

RECONCILE_EVERY = 5.0
"""Seconds between two looks when nothing happens; normally the look finds nothing to do."""
HAND_OVER_DEADLINE = 60.0
HAND_OVER_GRACE = 1.0
"""Seconds for what is under way to end by itself."""
REACH_DEADLINE = 5.0
"""Seconds to wait for systemd where there is nothing to be done without it."""


class Agent:
    """The agent of one machine. Between two runs it keeps nothing but its host's memory."""

    def __init__(
        self,
        registry: Registry,
        host: Host,
        machine_id: str,
        *,
        reconcile_every: float = RECONCILE_EVERY,
        hold_at_most: float = HOLD_AT_MOST,
        start_concurrency: int | None = None,
    ) -> None:
        """`hold_at_most` is how many seconds a unit that was moved away waits for its copy, and
        `start_concurrency` how many units start at the same time (by default by the number of cores).
        """
        self._registry = registry
        self._host = host
        self._machine = machine_id
        self._every = reconcile_every
        self._hold_at_most = hold_at_most
        self._look = asyncio.Event()
        self._troubles = Troubles()
        self._tasks = Tasks(
            host, registry.unit_file, self._look.set, troubles=self._troubles, starts=start_concurrency
        )
        self._requirements = KnownRequirements(registry.unit_file)
        self._objections: Mapping[str, str] = {}
        self._users = 0
        self._watch: asyncio.Task[None] | None = None
        self._leaving = False
        self._session: Session | None = None

    def set_start_concurrency(self, units: int | None) -> None:
        """From now on so many units start at the same time (None: by the number of cores)."""
        self._tasks.set_starts(units)

    async def run(self, session: Session) -> None:
        """Serve one session, until it is lost. May be run again with the next one."""
        self._session = session
        publisher = Publisher(self._host, session, self._machine, troubles=self._troubles)
        try:
            async with self._in_touch(), asyncio.TaskGroup() as group:
                group.create_task(_lost(session))
                group.create_task(publisher.run())
                group.create_task(self._follow(session))
        except* Lost as lost:
            log.warning("the session is lost, units are left as they are: %s", lost.exceptions[0])
        finally:
            await self._tasks.close()

    async def hand_over(self, *, deadline: float = HAND_OVER_DEADLINE) -> None:
        """Give all units of this host away: no new ones, then stop and unload those that are here.

        Leaves the cluster itself when some of them are to run elsewhere before they stop here.
        Ends after `deadline` seconds, whatever still runs then; such units are named in the log.
        """
        self._leaving = True
        await self._tasks.close(grace=HAND_OVER_GRACE)
        left: set[str] = set()
        try:
            async with asyncio.timeout(deadline), self._in_touch():
                present = await self._present_soon()
                if present is None:
                    log.warning("the units of this host could not be read: all are left running")
                    return
                left.update(present)
                log.info("unloading the %d units of this host, because fleet is being stopped", len(left))
                late = await start_first(self._registry, present) if self._session else frozenset()
                await asyncio.gather(*(self._hand_over(name, left) for name in sorted(left - late)))
                await self._hand_over_late(late, left)
        except TimeoutError:
            log.warning(
                "not all units were unloaded within %g s, left: %s", deadline, ", ".join(sorted(left))
            )

    async def _present_soon(self) -> Mapping[str, Present] | None:
        """The units of this host, or None where systemd cannot be reached soon."""
        try:
            async with asyncio.timeout(REACH_DEADLINE):
                await self._host.reachable()
                return await self._host.present()
        except TimeoutError:
            log.warning("systemd was not reached within %g s", REACH_DEADLINE)
            return None

    async def _hand_over_late(self, late: frozenset[str], left: set[str]) -> None:
        """Leave the cluster while these still run, and stop each when it runs elsewhere."""
        if not late or self._session is None:
            return
        try:
            await self._session.leave()
        except RegistryError as error:
            log.warning("could not leave the cluster before the last units stop: %s", error)
        async for name in replaced(self._registry, self._machine, late):
            await self._hand_over(name, left)

    async def _hand_over(self, name: str, left: set[str]) -> None:
        try:
            await self._host.unload(name)
        except HostError as error:
            log.warning("could not unload %s: %s", name, error)
        else:
            left.discard(name)

    async def _follow(self, session: Session) -> None:
        bidder = Bidder(self._host, session, self._machine, is_leaving=lambda: self._leaving)
        leftovers = Leftovers(
            self._registry, self._host, self._machine, self._look.set, hold_at_most=self._hold_at_most
        )
        async with self._registry.follow(OneMachine(self._machine)) as view, asyncio.TaskGroup() as group:
            group.create_task(bidder.run(view))
            group.create_task(leftovers.run())
            group.create_task(self._reconcile(view, leftovers))

    async def _reconcile(self, view: View, leftovers: Leftovers) -> None:
        """Look whenever there is a new picture, a sequence has ended, a retry is due, or time has passed."""
        newer: asyncio.Future[Picture] | None = None
        try:
            while True:
                await self._host.reachable()
                self._look.clear()
                picture = view.picture
                newer = newer or asyncio.ensure_future(view.after(picture))
                again_in = await self._pass(picture, leftovers)
                await _first_of(newer, self._look, again_in)
                newer = None if newer.done() else newer
        finally:
            if newer is not None:
                newer.cancel()

    async def _pass(self, picture: Picture, leftovers: Leftovers) -> float:
        """Compare and begin; returns the seconds until the next look. Nothing passes this edge."""
        try:
            await self._compare(picture, leftovers)
        except RegistryError as error:
            log.warning("could not find out what is wanted, units are left as they are: %s", error)
        except Exception:
            log.exception("this look at the host ended early")
        now = asyncio.get_running_loop().time()
        return max(0.0, min(self._every, (self._tasks.next_try or now + self._every) - now))

    async def _compare(self, picture: Picture, leftovers: Leftovers) -> None:
        found = candidates(picture, self._machine)
        wish = desired(picture, self._machine, found, await self._requirements.of(found))
        if wish is None:
            log.warning("the registry has no record of this machine now: units are left as they are")
            if self._session is not None:
                # A record that somebody has removed by hand leaves the lease alive: it must be made anew.
                await self._session.prove()
            return
        self._say_objections(wish)
        present = await self._host.present()
        if self._leaving:
            return
        held = wish.unclear | leftovers.held(wish.wanted, present)
        self._tasks.begin(plan(wish.wanted, present, held), wish.wanted)

    def _say_objections(self, wish: Desired) -> None:
        """Say once why something does not run here."""
        for name in sorted(wish.objections):
            if self._objections.get(name) != wish.objections[name]:
                log.info("%s does not run here: %s", name, wish.objections[name])
        self._objections = wish.objections

    @asynccontextmanager
    async def _in_touch(self) -> AsyncIterator[None]:
        """Keep the connection to systemd while anybody needs it."""
        self._users += 1
        if self._watch is None:
            self._watch = asyncio.create_task(self._host.watch())
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                # Forgotten first: a run cancelled while it waits must not leave a dead watch to the next.
                watch, self._watch = self._watch, None
                watch.cancel()
                await _ended(watch)


async def _lost(session: Session) -> None:
    await session.wait_lost()
    raise Lost("its lease has ended")


async def _first_of(newer: asyncio.Future[Picture], look: asyncio.Event, seconds: float) -> None:
    """Wait for whichever comes first."""
    looking: asyncio.Future[Any] = asyncio.ensure_future(look.wait())
    try:
        events: set[asyncio.Future[Any]] = {newer, looking}
        await asyncio.wait(events, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        looking.cancel()


async def _ended(task: asyncio.Task[None]) -> None:
    """Wait for the end of a task that was cancelled; a cancellation meanwhile counts when it has ended."""
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
