"""Carries out the plan's steps: one sequence for each unit, all units at the same time.

Rule 1: one sequence a unit: what is wanted meanwhile is planned anew when it has ended.
Rule 2: the failure, or the hanging, of one unit holds up no other.
Rule 3: what failed is tried again later; at once when something else is wanted of the unit.
Rule 4: all of one moment are loaded before the first is started; few start at a time, the oldest first.
Rule 5: what fails, or takes long, is said: in the log once, and to the others until it is over.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import groupby

from agent.backoff import Failure, after
from agent.errors import HostError, NameTaken, NotAsWritten, Refused, Unwritable
from agent.host import Host
from agent.plan import Wanted
from agent.round import Content, Round
from agent.steps import Step, Turn
from agent.troubles import Trouble, Troubles
from agent.turnstile import Turnstile, default_places
from registry.errors import RegistryError
from units.state import TargetState

log = logging.getLogger(__name__)

BLOCKED_AFTER = 10.0
"""Seconds after which a step that has not ended is spoken of."""
LASTING = (Refused, NameTaken, NotAsWritten, Unwritable)
"""Failures that do not pass by themselves in a moment."""
TRIES = 3
"""After so many, any failure counts as lasting."""


class Tasks:
    """The sequences under way on one host. `ended` is called whenever one has ended."""

    def __init__(
        self,
        host: Host,
        content: Content,
        ended: Callable[[], None],
        *,
        troubles: Troubles | None = None,
        starts: int | None = None,
        blocked_after: float = BLOCKED_AFTER,
    ) -> None:
        """`starts` is how many units start at the same time (by default as many as suit the machine)."""
        self._host = host
        self._content = content
        self._ended = ended
        self._troubles = troubles or Troubles()
        self._turnstile = Turnstile(starts or default_places())
        self._blocked_after = blocked_after
        self._wanted: Mapping[str, Wanted] = {}
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._failures: dict[str, Failure] = {}

    @property
    def next_try(self) -> float | None:
        """When, by the event loop's clock, something that failed may be tried again."""
        waiting = [failure.again_at for name, failure in self._failures.items() if name not in self._busy]
        return min(waiting, default=None)

    def set_starts(self, starts: int | None) -> None:
        """From now on so many units start at the same time (None: as many as suit the machine)."""
        self._turnstile.resize(starts or default_places())

    def begin(self, steps: Sequence[Step], wanted: Mapping[str, Wanted]) -> None:
        """Begin what is not under way yet; what failed has to wait until it may be tried again."""
        by_name = sorted(steps, key=lambda step: (_age(wanted.get(step.name)), step.name, step.turn))
        todo = {name: tuple(own) for name, own in groupby(by_name, key=lambda step: step.name)}
        self._forget(todo, wanted)
        todo = {name: own for name, own in todo.items() if self._may_begin(name, wanted.get(name))}
        if not todo:
            return
        together = Round({name: wanted[name] for name, own in todo.items() if _brings(own)}, self._content)
        for name, own in todo.items():
            task = asyncio.create_task(self._sequence(name, wanted.get(name), own, together))
            self._busy[name] = task

    async def close(self, *, grace: float = 0.0) -> None:
        """End within `grace` seconds, or break off: the next agent finds what is half done, and goes on."""
        if not self._busy:
            return
        _, late = await asyncio.wait(self._busy.values(), timeout=grace)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _forget(self, todo: Mapping[str, object], wanted: Mapping[str, Wanted]) -> None:
        """Drop what no longer counts, now that this is to be done."""
        self._failures = {name: failure for name, failure in self._failures.items() if name in todo}
        self._troubles.keep(todo.keys() | self._busy.keys(), wanted)
        for name in self._busy:
            if wanted.get(name) != self._wanted.get(name):
                self._turnstile.call_off(name)
        self._wanted = wanted

    def _may_begin(self, name: str, goal: Wanted | None) -> bool:
        if name in self._busy:
            return False
        failure = self._failures.get(name)
        now = asyncio.get_running_loop().time()
        return failure is None or failure.goal != goal or failure.again_at <= now

    async def _sequence(
        self, name: str, goal: Wanted | None, steps: tuple[Step, ...], together: Round
    ) -> None:
        try:
            for step in steps:
                if not await self._done(step, goal, together):
                    break
            else:
                self._failures.pop(name, None)
                self._troubles.over(name)
        finally:
            together.asked(name)
            del self._busy[name]
            self._ended()

    async def _done(self, step: Step, goal: Wanted | None, together: Round) -> bool:
        """Take one step; whether it worked. This is the edge of a unit's sequence: nothing passes it."""
        try:
            was_taken = await self._take(step, goal, together)
        except (HostError, RegistryError) as error:
            again_in = self._failed(step, goal, error)
            log.warning("could not %s %s: %s; next try in %.1f s", step.verb, step.name, error, again_in)
            return False
        except Exception as error:
            again_in = self._failed(step, goal, error)
            log.exception("could not %s %s; next try in %.1f s", step.verb, step.name, again_in)
            return False
        if was_taken:
            log.info("%s %s: %s", PAST[step.turn], step.name, step.reason)
        return was_taken

    async def _take(self, step: Step, goal: Wanted | None, together: Round) -> bool:
        """Take one step; False when it is no longer wanted."""
        if step.turn is Turn.START:
            return await self._start(step, goal, together)
        with self._timed(step, goal):
            if step.turn is Turn.UNLOAD:
                await self._host.unload(step.name)
            elif step.turn is Turn.LOAD:
                await self._host.load(step.name, await together.file(step.name))
            else:
                await self._host.stop(step.name)
        return True

    async def _start(self, step: Step, goal: Wanted | None, together: Round) -> bool:
        """Start a unit when its turn has come, and keep its place until systemd's job has ended."""
        name = step.name
        await together.turn_of(name)
        if not await self._turnstile.enter(name):
            return False
        job = _ended_already()
        try:
            if self._wanted.get(name) != goal:
                return False
            with self._timed(step, goal):
                job = await self._host.start(name)
        finally:
            self._turnstile.leave_after(job)
        job.add_done_callback(lambda ended: self._job_ended(name, goal, ended))
        return True

    def _job_ended(self, name: str, goal: Wanted | None, job: "asyncio.Future[str | None]") -> None:
        """Keep what systemd's own job says; trying again is for the unit's own `Restart=`."""
        if not job.cancelled() and (said := job.result()) and self._wanted.get(name) == goal:
            self._troubles.put(name, replace(_trouble(goal, said, failures=1), of_job=True))

    @contextmanager
    def _timed(self, step: Step, goal: Wanted | None) -> Iterator[None]:
        """Speak of it when this takes long, and again whenever it has taken twice as long."""
        loop = asyncio.get_running_loop()
        late: list[asyncio.TimerHandle] = []

        def blocked(seconds: float) -> None:
            self._blocked(step, goal, seconds)
            late[:] = [loop.call_later(seconds, blocked, 2 * seconds)]

        late.append(loop.call_later(self._blocked_after, blocked, self._blocked_after))
        try:
            yield
        finally:
            late[0].cancel()

    def _blocked(self, step: Step, goal: Wanted | None, seconds: float) -> None:
        said = f"blocked for {seconds:g} s in {self._host.unanswered() or WAITS_FOR[step.turn]}"
        level = logging.WARNING if seconds == self._blocked_after else logging.DEBUG
        log.log(level, "cannot yet %s %s: %s", step.verb, step.name, said)
        before = self._troubles.all().get(step.name) or _trouble(goal, "", certain=False)
        self._troubles.put(step.name, replace(before, reason=said))

    def _failed(self, step: Step, goal: Wanted | None, error: Exception) -> float:
        """Keep a failure; returns after how many seconds the next try may begin."""
        now = asyncio.get_running_loop().time()
        failure = self._failures[step.name] = after(self._failures.get(step.name), goal, now)
        trouble = _trouble(
            goal,
            str(error) or repr(error),
            failures=failure.count,
            loading=step.turn is Turn.LOAD or isinstance(error, NotAsWritten),
            certain=isinstance(error, LASTING) or failure.count >= TRIES,
        )
        self._troubles.put(step.name, trouble)
        return failure.again_at - now


PAST = {
    Turn.UNLOAD: "unloaded",
    Turn.LOAD: "loaded",
    Turn.STOP: "stopped",
    Turn.START: "started",
}
WAITS_FOR = {
    Turn.UNLOAD: "its stop job: systemd waits for its processes to end",
    Turn.LOAD: "loading",
    Turn.STOP: "its stop job: systemd waits for its processes to end",
    Turn.START: "starting",
}


def _age(want: Wanted | None) -> int:
    """Sorts the older wish first."""
    return 0 if want is None else want.version


def _brings(steps: Sequence[Step]) -> bool:
    return any(step.turn in (Turn.LOAD, Turn.START) for step in steps)


def _ended_already() -> "asyncio.Future[str | None]":
    """What stands for the job of a unit that is not started."""
    job: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
    job.set_result(None)
    return job


def _trouble(
    goal: Wanted | None, reason: str, *, failures: int = 0, loading: bool = False, certain: bool = True
) -> Trouble:
    return Trouble(
        goal.hash if goal else "",
        reason,
        failures,
        launched=goal is not None and goal.state is TargetState.LAUNCHED,
        loading=loading,
        certain=certain,
    )
