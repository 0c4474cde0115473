"""Carries out the plan's steps: one sequence for each unit, all units at the same time.

Rule 1: one sequence a unit: what is wanted meanwhile is planned anew when it has ended.
Rule 2: the failure, or the hanging, of one unit holds up no other.
Rule 3: what failed is tried again later; at once when something else is wanted of the unit.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import groupby

from agent.backoff import Failure, after
from agent.errors import HostError, NoContent
from agent.host import Host
from agent.plan import Wanted
from agent.steps import Step, Turn
from registry.errors import RegistryError
from units.file import UnitFile

log = logging.getLogger(__name__)

Content = Callable[[str], Awaitable[UnitFile | None]]
Contents = Mapping[str, UnitFile | BaseException | None]


class Tasks:
    """The sequences under way on one host. `ended` is called whenever one has ended."""

    def __init__(self, host: Host, content: Content, ended: Callable[[], None]) -> None:
        self._host = host
        self._content = content
        self._ended = ended
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._failures: dict[str, Failure] = {}

    @property
    def next_try(self) -> float | None:
        """When, by the event loop's clock, something that failed may be tried again."""
        waiting = [failure.again_at for name, failure in self._failures.items() if name not in self._busy]
        return min(waiting, default=None)

    def begin(self, steps: Sequence[Step], wanted: Mapping[str, Wanted]) -> None:
        """Begin what is not under way yet; what failed has to wait until it may be tried again."""
        by_name = sorted(steps, key=lambda step: (step.name, step.turn))
        todo = {name: tuple(own) for name, own in groupby(by_name, key=lambda step: step.name)}
        self._failures = {name: failure for name, failure in self._failures.items() if name in todo}
        todo = {name: own for name, own in todo.items() if self._may_begin(name, wanted.get(name))}
        loads = (wanted[step.name].hash for own in todo.values() for step in own if step.turn is Turn.LOAD)
        contents = asyncio.ensure_future(self._contents(loads))
        for name, own in todo.items():
            task = asyncio.create_task(self._sequence(name, wanted.get(name), own, contents))
            self._busy[name] = task

    async def close(self, *, grace: float = 0.0) -> None:
        """End within `grace` seconds, or break off: the next agent finds what is half done, and goes on."""
        if not self._busy:
            return
        _, late = await asyncio.wait(self._busy.values(), timeout=grace)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _may_begin(self, name: str, goal: Wanted | None) -> bool:
        if name in self._busy:
            return False
        failure = self._failures.get(name)
        now = asyncio.get_running_loop().time()
        return failure is None or failure.goal != goal or failure.again_at <= now

    async def _sequence(
        self, name: str, goal: Wanted | None, steps: tuple[Step, ...], contents: Awaitable[Contents]
    ) -> None:
        try:
            for step in steps:
                if not await self._done(step, goal, contents):
                    break
            else:
                self._failures.pop(name, None)
        finally:
            del self._busy[name]
            self._ended()

    async def _done(self, step: Step, goal: Wanted | None, contents: Awaitable[Contents]) -> bool:
        """Take one step; whether it worked. This is the edge of a unit's sequence: nothing passes it."""
        try:
            await self._take(step, goal, contents)
        except (HostError, RegistryError) as error:
            again_in = self._failed(step.name, goal)
            log.warning("could not %s %s: %s; next try in %.1f s", step.verb, step.name, error, again_in)
            return False
        except Exception:
            again_in = self._failed(step.name, goal)
            log.exception("could not %s %s; next try in %.1f s", step.verb, step.name, again_in)
            return False
        log.info("%s %s: %s", PAST[step.turn], step.name, step.reason)
        return True

    async def _take(self, step: Step, goal: Wanted | None, contents: Awaitable[Contents]) -> None:
        match step.turn:
            case Turn.UNLOAD:
                await self._host.unload(step.name)
            case Turn.LOAD:
                await self._host.load(step.name, _content(goal, await contents))
            case Turn.STOP:
                await self._host.stop(step.name)
            case Turn.START:
                await self._host.start(step.name)

    def _failed(self, name: str, goal: Wanted | None) -> float:
        now = asyncio.get_running_loop().time()
        failure = after(self._failures.get(name), goal, now)
        self._failures[name] = failure
        return failure.again_at - now

    async def _contents(self, hashes: Iterable[str]) -> Contents:
        """All that is to be loaded, so that units that need each other are loaded together."""
        needed = sorted(set(hashes))
        found = await asyncio.gather(*map(self._content, needed), return_exceptions=True)
        return dict(zip(needed, found, strict=True))


PAST = {
    Turn.UNLOAD: "unloaded",
    Turn.LOAD: "loaded",
    Turn.STOP: "stopped",
    Turn.START: "started",
}


def _content(goal: Wanted | None, contents: Contents) -> UnitFile:
    assert goal is not None, "only what is wanted is loaded"
    match contents[goal.hash]:
        case None:
            raise NoContent(goal.hash)
        case BaseException() as error:
            raise error
        case file:
            return file
