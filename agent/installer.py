"""Unit files on their way into systemd and out of it, many at once.

When systemd needs a daemon-reload, measured with systemd 252: for the links of `[Install]` to count,
for a unit that another one keeps loaded while its file changes, and to forget one that is kept so.
For a file it has never loaded, or not found, it needs none.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from agent.errors import NameTaken, NotLoaded, Refused, Unwritable
from agent.host import Remembered, Stage, UnitStatus
from agent.memory import Memory
from agent.strangers import IDLE, strangers
from agent.systemd import Systemd
from agent.unitdir import UnitDirectory
from agent.verify import differing
from units.file import UnitFile

log = logging.getLogger(__name__)

Failures = dict[str, Exception]

MISREAD = frozenset({"error", "not-found"})


class Installer:
    """Installs unit files in batches; one that fails never keeps the others from being installed."""

    def __init__(self, systemd: Systemd, directory: UnitDirectory, memory: Memory) -> None:
        self._systemd = systemd
        self._directory = directory
        self._memory = memory
        self._refreshing = asyncio.Lock()

    async def install(self, files: Mapping[str, UnitFile]) -> Failures:
        """Write and link these files, and enable those with an `[Install]` section; returns what failed."""
        before = await self._systemd.states(files)
        taken = await strangers(self._systemd, self._directory, before)
        failures: Failures = {name: NameTaken(name, path) for name, path in taken.items()}
        failures |= await asyncio.to_thread(self._write, _without(files, failures))
        left = _without(files, failures)
        failures |= await self._undone(await self._each(self._systemd.link, self._paths(left)), before)
        left = _without(left, failures)
        installable = [name for name, file in left.items() if file.has_install]
        failures |= await self._undone(
            await self._each(self._systemd.enable, self._paths(installable)), before
        )
        left = _without(left, failures)
        failures |= await self._undone(await self._misloaded(left, before), before)
        return failures | await asyncio.to_thread(self._keep, _without(left, failures))

    async def refresh(self, name: str) -> None:
        """Have systemd read its files again if it keeps an older text of a unit, or of drop-ins of it."""
        async with self._refreshing:  # the first of many reads for all
            if await self._is_stale([name]):
                await self._reload([name])

    async def uninstall(self, names: Collection[str]) -> Failures:
        """Take away all links and files of units that have stopped, and make systemd forget them."""
        await self._unlink(names)
        failures = await asyncio.to_thread(self._remove, names)
        await asyncio.gather(*map(self._reset, names))
        statuses = await self._systemd.states(names)
        left = sorted(name for name, status in statuses.items() if status.load == "loaded")
        if left:  # another unit keeps them
            await self._reload(left)
        return failures

    async def _unlink(self, names: Collection[str]) -> None:
        """Take away all links of these. Where systemd refuses there is none of its making."""
        refused = await self._each(self._systemd.disable, {name: name for name in names})
        for name in refused:
            log.warning("no link of %s was removed: %s", name, refused[name])

    async def _reset(self, name: str) -> None:
        try:
            await self._systemd.reset_failed(name)
        except NotLoaded:
            return
        except Refused as refusal:
            log.info("the failure of %s is not forgotten: %s", name, refusal)

    async def _misloaded(self, files: Mapping[str, UnitFile], before: Mapping[str, UnitStatus]) -> Failures:
        """Have systemd read all files again where it must; returns those it still has not as written."""
        if not files:
            return {}
        kept = [name for name in files if name in before and before[name].load != "not-found"]
        statuses = await self._systemd.states(files)
        has_links = any(file.has_install for file in files.values())
        if has_links or _is_misread(statuses) or await self._is_stale(kept):
            await self._reload(files)
            statuses = await self._systemd.states(files)
        kept = [name for name in kept if name in statuses]
        return dict(await differing(self._systemd, self._directory, statuses, kept))

    async def _is_stale(self, kept: Collection[str]) -> bool:
        """Whether systemd would go on with the old text of one of these."""
        asked = (self._systemd.property(name, "NeedDaemonReload") for name in kept)
        return any(await asyncio.gather(*asked))

    async def _reload(self, names: Collection[str]) -> None:
        log.info("systemd reads its unit files again, for %s", ", ".join(names))
        await self._systemd.reload()

    async def _each(
        self, verb: Callable[[Sequence[str]], Awaitable[None]], what: Mapping[str, str]
    ) -> Failures:
        """Do it to all at once; if systemd refuses, to one after the other, to know which it means."""
        if not what:
            return {}
        try:
            await verb(list(what.values()))
        except Refused as refusal:
            if len(what) == 1:
                return dict.fromkeys(what, refusal)
            failures: Failures = {}
            for name in what:
                failures |= await self._each(verb, {name: what[name]})
            return failures
        return {}

    def _paths(self, names: Collection[str]) -> dict[str, str]:
        return {name: str(self._directory.path_of(name)) for name in names}

    async def _undone(self, failures: Failures, before: Mapping[str, UnitStatus]) -> Failures:
        """Leave nothing half done of what failed; but what runs keeps its file, without which it is lost."""
        if idle := [name for name in failures if name not in before or before[name].active in IDLE]:
            await self._unlink(idle)
            await asyncio.to_thread(self._remove, idle)
            await asyncio.to_thread(self._memory.forget, idle)
        return failures

    def _write(self, files: Mapping[str, UnitFile]) -> Failures:
        failures: Failures = {}
        there = self._directory.read()
        for name, file in files.items():
            before = self._memory.get(name)
            try:
                self._memory.record(name, Remembered(file.hash, Stage.LOADING))
                if there.get(name) != file.hash:  # writing the same again would look like a change to systemd
                    self._directory.write(name, file.text)
            except Unwritable as error:
                failures[name] = error
                self._restore(name, before)
        return failures

    def _restore(self, name: str, before: Remembered | None) -> None:
        try:
            self._memory.record(name, before) if before else self._memory.forget([name])
        except Unwritable as error:
            log.warning("something of %s stays behind: %s", name, error)

    def _keep(self, files: Mapping[str, UnitFile]) -> Failures:
        failures: Failures = {}
        for name, file in files.items():
            try:
                self._memory.record(name, Remembered(file.hash, Stage.LOADED))
            except Unwritable as error:
                failures[name] = error
        return failures

    def _remove(self, names: Collection[str]) -> Failures:
        failures: Failures = {}
        for name in names:
            try:
                self._directory.remove(name)
            except Unwritable as error:
                failures[name] = error
        return failures


def _is_misread(statuses: Mapping[str, UnitStatus]) -> bool:
    """Whether systemd has not taken in one of these files, which only reading all again can mend.

    Seen when a unit comes back before the cgroup of its last run is gone: "Device or resource busy".
    """
    return any(status.load in MISREAD for status in statuses.values())


def _without(files: Mapping[str, UnitFile], failures: Collection[str]) -> dict[str, UnitFile]:
    return {name: file for name, file in files.items() if name not in failures}
