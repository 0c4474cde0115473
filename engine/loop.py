"""The loop around the plan: lead, look, plan, apply, wait for something new.

Rule 1: an event and the tick of the clock run the same line of code.
Rule 2: nothing is planned from a picture that does not show what the last plan has written.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from engine.apply import apply
from engine.auction import windows_opened
from engine.cluster import Reader
from engine.contents import Contents
from engine.memory import Memory
from engine.plan import Plan, Planner
from engine.recorder import Recorder
from engine.saved import Moment
from engine.stamps import Stamps
from registry.errors import RegistryError, Unavailable
from registry.port import Everything, Leadership, Registry, View
from registry.records import Leader, Picture

log = logging.getLogger(__name__)

ENGINE_VERSION = 1
"""What the leader key carries (fleet 1.0, scheduling.md §8.1)."""

LEASE_INTERVALS = 5
"""The leader lease lasts for so many reconcile intervals (fleet 1.0, scheduling.md §8.2)."""

RETRY = 0.2
"""Seconds between two tries to reach a registry that does not answer."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How an engine leads. Times are in seconds."""

    interval: float
    grace: float
    recorder: Recorder | None = None


async def run(
    registry: Registry, machine_id: str, *, interval: float, grace: float, keep: Path | None = None
) -> None:
    """Campaign and lead for ever, until cancelled; a leader that is cancelled resigns.

    `interval` is `engine_reconcile_interval`, `grace` for how long an absence that may be an error of ours
    is doubted (`agent_ttl`), both in seconds. `keep` is a directory for the last inputs, for `engine.replay`.
    """
    recorder = Recorder(keep) if keep else None
    terms = Terms(interval, grace, recorder)
    writing = asyncio.ensure_future(recorder.write_for_ever()) if recorder else None
    try:
        while True:
            try:
                await _lead_once(registry, machine_id, terms)
            except RegistryError as error:
                log.error("Engine leadership lost: %s", error)
                await asyncio.sleep(min(1.0, interval))  # the pace at which a failing store is tried again
    finally:
        if writing:
            await _end(writing)


async def _lead_once(registry: Registry, machine_id: str, terms: Terms) -> None:
    leader = Leader(machine_id, ENGINE_VERSION)
    async with registry.campaign(leader, ttl=LEASE_INTERVALS * terms.interval) as leadership:
        log.info("Engine leadership acquired")
        lost = asyncio.ensure_future(leadership.wait_lost())
        leading = asyncio.ensure_future(_lead(registry, leadership, terms))
        try:
            await asyncio.wait({lost, leading}, return_when=asyncio.FIRST_COMPLETED)
            if leading.done():
                leading.result()
            log.error("Engine leadership lost: the lease has ended")
        finally:
            await _end(lost, leading)
            await _resign(leadership)


async def _end(*tasks: asyncio.Future[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _resign(leadership: Leadership) -> None:
    try:
        await leadership.resign()
    except RegistryError as error:
        log.warning("The leader lease could not be given back and will end by itself: %s", error)


async def _lead(registry: Registry, leadership: Leadership, terms: Terms) -> None:
    async with registry.follow(Everything()) as view:
        leader = _Leader(registry, leadership, view, terms)
        while True:
            await leader.pass_once()


class _Leader:
    """One leadership: its view, its memory, and the passes it makes."""

    def __init__(self, registry: Registry, leadership: Leadership, view: View, terms: Terms) -> None:
        self._registry = registry
        self._leadership = leadership
        self._view = view
        self._terms = terms
        self._stamps = Stamps(registry)
        self._reader = Reader()
        self._planner = Planner()
        self._contents = Contents(terms.interval)
        self._memory = Memory(epoch=f"{view.picture.revision:x}")
        self._waiting: Mapping[str, str] = {}
        self._doubted: frozenset[str] = frozenset()

    async def pass_once(self) -> None:
        """Plan from the newest picture, carry it out, and return when there is something new to look at."""
        picture = self._view.picture
        now = asyncio.get_running_loop().time()
        cluster = self._reader.cluster(picture)
        memory = replace(self._memory, steady_since=self._registry.steady_since)
        made = self._planner.plan(cluster, memory, now=now, grace=self._terms.grace)
        if self._terms.recorder:
            self._terms.recorder.note(Moment(cluster, memory, now, self._terms.grace), made)
        self._tell(made)
        if not made.decisions:
            self._memory = made.memory
            await self._clear_up(picture, now)
            await self._something_new(picture, now, made.wake_at)
            return
        try:
            await self._stamps.recall(made.decisions)
            revision = await apply(made.decisions, self._leadership, self._stamps.stamped)
        except Unavailable as error:
            # What was written is not known; what was decided is therefore forgotten and decided again.
            log.error("A plan of %d decisions could not be written whole: %s", len(made.decisions), error)
            await self._store_is_back()
            return
        self._stamps.forget(made.memory.said)
        await self._view.reached(revision)
        now = asyncio.get_running_loop().time()
        auctions = windows_opened(made.memory.auctions, memory.auctions, now)
        self._memory = replace(made.memory, auctions=auctions)

    async def _clear_up(self, picture: Picture, now: float) -> None:
        """Remove contents that nothing names any more; now and then, when there is nothing else to do."""
        if not (unwanted := self._contents.unwanted(picture, now)):
            return
        try:
            await self._leadership.commit(unwanted)
        except Unavailable as error:
            log.warning("%d unit files that no unit names stay for now: %s", len(unwanted), error)
            return
        log.info("Removed the contents of %d unit files that no unit names any more", len(unwanted))

    async def _store_is_back(self) -> None:
        """Wait until the registry answers, and the view shows what it holds. The lead may end meanwhile."""
        while True:
            try:
                await self._view.fresh()
                return
            except Unavailable:
                await asyncio.sleep(RETRY)

    async def _something_new(self, picture: Picture, now: float, wake_at: float | None) -> None:
        pause = (
            self._terms.interval if wake_at is None else max(0.0, min(self._terms.interval, wake_at - now))
        )
        try:
            async with asyncio.timeout(pause):
                await self._view.after(picture)
        except TimeoutError:
            return

    def _tell(self, made: Plan) -> None:
        """Log what keeps units waiting, once for each reason."""
        for name, reason in made.waiting.items():
            if self._waiting.get(name) != reason:
                log.info("Unit(%s) waits for a machine: %s", name, reason)
        self._waiting = made.waiting
        if made.doubted and made.doubted != self._doubted:
            log.warning(
                "Out of sight, and perhaps not gone: units stay for %g s more on %s",
                self._terms.grace,
                ", ".join(sorted(made.doubted)),
            )
        self._doubted = made.doubted
