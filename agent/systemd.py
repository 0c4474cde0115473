"""systemd: the few verbs fleet needs of it, and what it says on its own.

Rule: first listen, then ask, so that a job that ends at once is still seen.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from agent.connection import BUS, DEADLINE, SYSTEMD, Connection
from agent.errors import HostError, NotLoaded, Refused
from agent.host import UnitStatus
from agent.jobs import Jobs
from agent.labels import unit_name, unit_path

log = logging.getLogger(__name__)

ROOT = "/org/freedesktop/systemd1"
MANAGER = f"{SYSTEMD}.Manager"
UNIT = f"{SYSTEMD}.Unit"
JOB = f"{SYSTEMD}.Job"
PROPERTIES = "org.freedesktop.DBus.Properties"
MATCHES = (
    f"type='signal',sender='{SYSTEMD}',interface='{MANAGER}',member='JobRemoved'",
    f"type='signal',sender='{SYSTEMD}',interface='{MANAGER}',member='Reloading'",
    f"type='signal',sender='{SYSTEMD}',interface='{PROPERTIES}',member='PropertiesChanged',arg0='{UNIT}'",
    f"type='signal',sender='{BUS}',interface='{BUS}',member='NameOwnerChanged',arg0='{SYSTEMD}'",
)

RELOAD_DEADLINE = 90.0
LOOK_AGAIN = 10.0
"""Seconds after which a job that nothing was heard of is asked for."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0


@dataclass(slots=True)
class Listener:
    """Who is told what systemd says on its own."""

    changed: Callable[[str, Mapping[str, Any]], None] = lambda name, properties: None
    """A unit changed, with those of its properties that systemd sent along."""
    all_changed: Callable[[], None] = lambda: None
    """Anything may have changed: the connection is new, or systemd has read its files again."""


class Systemd:
    """One systemd, while `keep_connected` runs. Every verb raises NoBus, NoAnswer or Refused."""

    def __init__(self, *, user: bool = False, library: str | None = None) -> None:
        self.listener = Listener()
        self._bus = Connection(user=user, library=library)
        self._up = asyncio.Event()
        self._jobs = Jobs()
        self._returning: asyncio.Task[None] | None = None
        self._unit_path: Sequence[str] | None = None

    @property
    def connected(self) -> bool:
        """Whether it can be talked to now."""
        return self._up.is_set() and self._bus.is_open

    def unanswered(self) -> str | None:
        """The call it has not answered for a while, by its name, or None."""
        return self._bus.unanswered()

    async def reachable(self) -> None:
        """Wait until there is a connection."""
        await self._up.wait()

    async def keep_connected(self) -> None:
        """Connect, and connect again whenever the connection ends. Never returns."""
        pause = FIRST_PAUSE
        while True:
            try:
                async with self.connection() as ended:
                    pause = FIRST_PAUSE
                    await ended
            except HostError as error:
                log.warning("%s; next try in %.1f s", error, pause)
            except Exception:
                log.exception("the connection to systemd broke; next try in %.1f s", pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncio.Future[None]]:
        """Be connected; yields a future that raises NoBus when the connection ends. Raises HostError."""
        try:
            async with self._bus.opened(self._hear, self._jobs.lost) as ended:
                for match in MATCHES:
                    await self._bus.listen(match)
                await self._subscribe()
                self._unit_path = None
                log.info("connected to systemd (%s)", self._bus.library)
                self._up.set()
                self.listener.all_changed()
                yield ended
        finally:
            self._up.clear()

    async def link(self, paths: Sequence[str]) -> None:
        """Make systemd find these files, until the next boot, under their names."""
        await self._manager(f"link {', '.join(paths)}", "LinkUnitFiles", "asbb", [list(paths), True, True])

    async def enable(self, paths: Sequence[str]) -> None:
        """Make the links that the `[Install]` sections of these files ask for, until the next boot."""
        await self._manager(
            f"enable {', '.join(paths)}", "EnableUnitFiles", "asbb", [list(paths), True, True]
        )

    async def disable(self, names: Sequence[str]) -> None:
        """Take away all links of these units."""
        await self._manager(f"disable {', '.join(names)}", "DisableUnitFiles", "asb", [list(names), True])

    async def reload(self) -> None:
        """Make systemd read all its unit files again; every other call waits meanwhile."""
        await self._manager("read its unit files again", "Reload", deadline=RELOAD_DEADLINE)

    async def start(self, name: str) -> asyncio.Future[str]:
        """Ask for the start of a unit; returns, once systemd has agreed, the result of the job to be."""
        return await self._job(f"start {name}", "StartUnit", name)

    async def stop(self, name: str) -> str:
        """Stop a unit and wait until it has stopped, however long it takes; returns the job's result.

        Raises NotLoaded when systemd does not know it.
        """
        job = await self._job(f"stop {name}", "StopUnit", name)
        while not (await asyncio.wait({job}, timeout=LOOK_AGAIN))[0]:
            if not await self._has_job(name):
                return "unknown"
        return await asyncio.shield(job)

    async def reset_failed(self, name: str) -> None:
        """Make systemd forget that a unit has failed. Raises NotLoaded when it does not know it."""
        await self._manager(f"forget the failure of {name}", "ResetFailedUnit", "s", [name])

    async def states(self, names: Iterable[str]) -> dict[str, UnitStatus]:
        """What systemd says of these units; of one without a file it says `not-found`.

        Names that are none to systemd, such as templates, are left out.
        """
        asked = sorted(names)
        try:
            (rows,) = await self._manager("list units", "ListUnitsByNames", "as", [asked])
        except Refused as refusal:  # it refuses all for the sake of one
            if len(asked) == 1:
                log.info("nothing is known of %s: %s", asked[0], refusal)
                return {}
            found = await asyncio.gather(*(self.states([name]) for name in asked))
            return {name: status for one in found for name, status in one.items()}
        if len(rows) != len(asked):  # systemd leaves out names that are none to it
            asked = [row[0] for row in rows]
        return {name: UnitStatus(row[2], row[3], row[4]) for name, row in zip(asked, rows, strict=True)}

    async def property(self, name: str, property: str) -> Any:
        """One property, of those that all types of units have."""
        what = f"tell {property} of {name}"
        (variant,) = await self._bus.call(what, unit_path(name), PROPERTIES, "Get", "ss", [UNIT, property])
        return variant.value

    async def has_loaded(self, name: str) -> bool:
        """Whether it keeps a unit loaded now; asking does not make it read the unit's file."""
        try:
            await self._manager(f"find {name}", "GetUnit", "s", [name])
        except NotLoaded:
            return False
        return True

    async def unit_path(self) -> Sequence[str]:
        """The directories in which it looks for unit files, the first one that has a name wins."""
        if self._unit_path is None:
            what = "tell where it looks for unit files"
            arguments = [MANAGER, "UnitPath"]
            (variant,) = await self._bus.call(what, ROOT, PROPERTIES, "Get", "ss", arguments)
            self._unit_path = tuple(variant.value)
        return self._unit_path

    async def job_type(self, name: str) -> str | None:
        """What systemd is about to do to a unit (`start`, `stop`, `restart`, …), or None if nothing.

        While it restarts a unit that is `restart` at first, and `start` once it has stopped.
        """
        try:
            number, path = await self.property(name, "Job")
        except NotLoaded:
            return None
        if not number:
            return None
        what = f"tell the job of {name}"
        try:
            (variant,) = await self._bus.call(what, path, PROPERTIES, "Get", "ss", [JOB, "JobType"])
        except NotLoaded:  # it has just ended
            return None
        return str(variant.value)

    async def _has_job(self, name: str) -> bool:
        try:
            number, _ = await self.property(name, "Job")
        except NotLoaded:
            return False
        return bool(number)

    async def _job(self, what: str, member: str, name: str) -> asyncio.Future[str]:
        with self._jobs.asking():
            (path,) = await self._manager(what, member, "ss", [name, "replace"])
            return self._jobs.outcome(path)

    async def _manager(
        self,
        what: str,
        member: str,
        signature: str = "",
        body: Sequence[Any] = (),
        deadline: float = DEADLINE,
    ) -> Sequence[Any]:
        return await self._bus.call(what, ROOT, MANAGER, member, signature, body, deadline=deadline)

    async def _subscribe(self) -> None:
        try:
            await self._manager("send its signals", "Subscribe")
        except Refused as refusal:
            if refusal.error != f"{SYSTEMD}.AlreadySubscribed":
                raise

    async def _welcome_back(self) -> None:
        """systemd is new on the bus: whatever was agreed before may be forgotten."""
        try:
            await self._subscribe()
        except HostError as error:
            log.warning("systemd is back on the bus, and gone again: %s", error)
        self.listener.all_changed()

    def _hear(self, message: Any) -> None:
        match message.member:
            case "PropertiesChanged":
                if name := unit_name(message.path):
                    self.listener.changed(name, {key: value.value for key, value in message.body[1].items()})
            case "JobRemoved":
                self._jobs.ended(message.body[1], message.body[3])
            case "Reloading" if not message.body[0]:
                self.listener.all_changed()
            case "NameOwnerChanged" if message.body[2]:
                self._returning = asyncio.ensure_future(self._welcome_back())
