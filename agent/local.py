"""The host the agent runs on: what is there now, and how a unit is loaded, started, stopped and unloaded.

Rule 1: each sequence may be cut off anywhere; what the memory then says makes the next one go over it again.
Rule 2: only what the agent itself put there is ever stopped or removed.
"""

import asyncio
import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from agent.batch import Batches
from agent.changes import Changes
from agent.dropindir import SYSTEM_PATH, user_path
from agent.errors import HostError, NotLoaded, Refused, Unwritable
from agent.host import HostFacts, Present, Remembered, Stage, UnitStatus
from agent.installer import Installer
from agent.memory import Memory
from agent.strangers import strangers
from agent.systemd import Systemd
from agent.unitdir import UnitDirectory
from agent.verify import differing, is_hidden
from units.file import UnitFile

log = logging.getLogger(__name__)

UNITS_DIRECTORY = Path("/run/fleet/units")
MEMORY_DIRECTORY = Path("/run/fleet/memory")
FACTS_DEADLINE = 0.5
"""Seconds that systemd has to answer when an offer waits."""
NO_HASH = "unknown"
"""Stands for the content of a unit whose file somebody has taken away."""
STOPPED = frozenset({"inactive", "failed"})
FINE = frozenset({"done", "canceled", "skipped"})
"""Results of a start that is done, or that somebody called off, or that the unit's own conditions spared."""
SHOWN = frozenset({"failed", "timeout"})
"""Results after which the unit itself is in the state `failed`."""


class LocalHost:
    """A `Host`: this machine's systemd, a directory of unit files and the agent's memory of them."""

    def __init__(self, systemd: Systemd, directory: UnitDirectory, memory: Memory) -> None:
        self._systemd = systemd
        self._directory = directory
        self._memory = memory
        self._asked: set[str] = set()
        self._following: set[asyncio.Task[str | None]] = set()
        self._changes = Changes(memory.get)
        self._installer = Installer(systemd, directory, memory)
        self._loads: Batches[str, UnitFile] = Batches(self._installer.install)
        self._removals: Batches[str, None] = Batches(self._installer.uninstall)
        systemd.listener.changed = self._changes.heard
        systemd.listener.all_changed = lambda: self._changes.mark(memory.all())

    @classmethod
    def at(
        cls,
        units_directory: Path = UNITS_DIRECTORY,
        memory_directory: Path = MEMORY_DIRECTORY,
        *,
        user: bool = False,
        library: str | None = None,
    ) -> "LocalHost":
        """This host. `memory_directory` must not outlive the boot; `user` talks to the user's own systemd."""
        systemd = Systemd(user=user, library=library)
        search_path = user_path() if user else SYSTEM_PATH
        return cls(systemd, UnitDirectory(units_directory, search_path), Memory(memory_directory))

    async def watch(self) -> None:
        """Recall what an earlier agent has done, then stay connected to systemd. Never returns."""
        await asyncio.to_thread(self._recall)
        await self._systemd.keep_connected()

    async def reachable(self) -> None:
        """Wait until systemd can be talked to."""
        await self._systemd.reachable()

    async def present(self) -> Mapping[str, Present] | None:
        """The units of fleet's that are here, or None when that could not be found out."""
        if not self._systemd.connected:
            return None
        try:
            hashes = await asyncio.to_thread(self._directory.read)
        except OSError as error:
            log.warning("could not read the units of this host, so nothing is done about them: %s", error)
            return None
        memories = {
            name: memory for name, memory in self._memory.all().items() if memory.stage is not Stage.GONE
        }
        return {
            name: _present(hashes.get(name), memories.get(name)) for name in hashes.keys() | memories.keys()
        }

    async def load(self, name: str, file: UnitFile) -> None:
        """Write the file, link it, enable it where it says how; many at once cost one call each."""
        self._asked.discard(name)
        self._changes.begin(name)
        await self._loads.add(name, file)
        self._changes.mark([name])

    async def start(self, name: str) -> "asyncio.Future[str | None]":
        """Start a loaded unit, and nothing else of its name; remembered once systemd has agreed."""
        self._asked.add(name)
        try:
            await self._verify(name)
            job = await self._systemd.start(name)
        finally:
            self._changes.mark([name])
        await self._record(name, Stage.LAUNCHED)
        following = asyncio.create_task(self._follow(name, job))
        self._following.add(following)
        following.add_done_callback(self._following.discard)
        return following

    async def stop(self, name: str) -> None:
        """Stop a loaded unit and wait for the end of it."""
        await self._record(name, Stage.STOPPING)
        self._asked.discard(name)
        await self._stopped(name)
        await self._record(name, Stage.LOADED)
        self._changes.mark([name])

    async def unload(self, name: str) -> None:
        """Stop, disable, remove, forget: in this order, so that what was cut off is done again."""
        is_ours = await self._may_be_ours(name)
        await self._record(name, Stage.LEAVING)
        self._asked.discard(name)
        if is_ours:
            await self._stopped(name)
        await self._removals.add(name, None)
        await self._record(name, Stage.GONE)
        self._changes.mark([name])

    async def changed(self) -> frozenset[str]:
        """Wait until there is something new about some units."""
        return await self._changes.take()

    async def states(self, names: Collection[str]) -> Mapping[str, UnitStatus]:
        """What systemd says of these units, and since when."""
        if not names:
            return {}
        statuses = await self._systemd.states(names)
        undated = self._changes.undated(statuses)
        times = await asyncio.gather(*(self._systemd.property(name, key) for name, key in undated.items()))
        for (name, key), time in zip(undated.items(), times, strict=True):
            self._changes.learn(name, {key: time})
        return self._changes.dated(statuses)

    def unanswered(self) -> str | None:
        """What systemd has not answered for a while."""
        return self._systemd.unanswered()

    async def job_type(self, name: str) -> str | None:
        """What systemd is about to do to any unit of this host, or None. Raises HostError."""
        return await self._systemd.job_type(name)

    def remembered(self) -> Mapping[str, Remembered]:
        """What is known of the units that are here, and of those just gone."""
        return {
            name: Remembered(memory.hash, memory.stage, name in self._asked)
            for name, memory in self._memory.all().items()
        }

    async def forget(self, names: Collection[str]) -> None:
        """Others know by now that these units are gone."""
        gone = [name for name in names if (memory := self._memory.get(name)) and memory.stage is Stage.GONE]
        await asyncio.to_thread(self._memory.forget, gone)

    async def facts(self, names: Collection[str]) -> HostFacts:
        """What counts when this host is asked to run these units."""
        here = asyncio.to_thread(_measured, self._directory)
        facts, (silent, others) = await asyncio.gather(here, self._whose(names))
        return replace(facts, silent=silent, strangers=others)

    async def _verify(self, name: str) -> None:
        """Raises NotAsWritten when systemd would start something else under this name."""
        kept = [name] if await self._systemd.has_loaded(name) else []
        if kept:
            await self._installer.refresh(name)
        for error in (await differing(self._systemd, self._directory, [name], kept)).values():
            raise error

    async def _whose(self, names: Collection[str]) -> tuple[str | None, Mapping[str, str]]:
        try:
            async with asyncio.timeout(FACTS_DEADLINE):
                await self._systemd.reachable()
                statuses = await self._systemd.states(names)
                return None, await strangers(self._systemd, self._directory, statuses)
        except TimeoutError:
            if not self._systemd.connected:
                return "systemd does not answer: there is no connection to D-Bus", {}
            return f"systemd does not answer within {FACTS_DEADLINE:g} s", {}
        except HostError as error:
            return f"systemd does not answer: {error}", {}

    async def _may_be_ours(self, name: str) -> bool:
        """Whether what runs under a name may come from fleet's file; what hides that is not ours to stop."""
        memory = self._memory.get(name)
        if memory is None or memory.stage not in (Stage.LOADING, Stage.LOADED):
            return True
        return not await is_hidden(self._systemd, self._directory, name)

    async def _stopped(self, name: str) -> None:
        """Stop a unit that systemd may or may not have, and wait; Refused when it still runs afterwards."""
        result = "done"
        try:
            result = await self._systemd.stop(name)
        except NotLoaded:
            return
        except Refused as refusal:  # a unit that it cannot make sense of, which is fine unless it runs
            result = str(refusal)
        if result == "done":
            return
        status = (await self._systemd.states([name])).get(name)
        if status is not None and status.active not in STOPPED:
            raise Refused(f"stop {name}", "StillActive", f"it is {status.active}, the stop job: {result}")

    async def _follow(self, name: str, job: asyncio.Future[str]) -> str | None:
        """What became of a start, in words; whether to try again is for the unit's own `Restart=` to say."""
        try:
            result = await job
        except HostError as error:
            log.info("cannot tell how the start of %s ends: %s", name, error)
            return None
        finally:
            self._changes.mark([name])
        if result == "canceled":
            log.info("the start of %s was called off", name)
        if result in FINE:
            return None
        log.warning("systemd did not start %s: the job ended with %r", name, result)
        return None if result in SHOWN else f"systemd's job to start it ended with the result {result!r}"

    async def _record(self, name: str, stage: Stage) -> None:
        await asyncio.to_thread(self._record_now, name, stage)

    def _record_now(self, name: str, stage: Stage) -> None:
        memory = self._memory.get(name)
        hash = memory.hash if memory else self._directory.read().get(name, NO_HASH)
        self._memory.record(name, Remembered(hash, stage))

    def _recall(self) -> None:
        if said := _why_no_directory(self._directory):
            log.error("no unit can be loaded on this host: %s", said)
        try:
            self._memory.read()
            self._directory.clear_unfinished()
        except OSError as error:
            log.warning("could not recall what was done to the units of this host: %s", error)


def _present(hash: str | None, memory: Remembered | None) -> Present:
    """A unit as it is here; of another content than the file's nothing is remembered."""
    if memory is None or (hash is not None and memory.hash != hash and memory.stage is not Stage.LEAVING):
        return Present(hash)
    return Present(hash, memory.stage)


def _measured(directory: UnitDirectory) -> HostFacts:
    """Memory, and room for unit files. Blocks."""
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    table = {words[0]: int(words[1]) * 1024 for words in lines if len(words) > 1}
    return HostFacts(
        memory_available=table.get("MemAvailable:", 0),
        memory_total=table.get("MemTotal:", 0),
        directory=str(directory.path),
        disk_free=directory.free(),
        no_directory=_why_no_directory(directory),
    )


def _why_no_directory(directory: UnitDirectory) -> str | None:
    try:
        directory.make()
    except Unwritable as error:
        return str(error)
    return None
