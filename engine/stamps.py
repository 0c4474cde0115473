"""The wall clock's times on verdicts: since when a unit waits, also when another engine saw it first."""

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from engine.decisions import Decision, Explained
from registry.errors import Unavailable
from registry.port import Registry
from registry.records import Verdict

log = logging.getLogger(__name__)

AT_ONCE = 64
"""How many verdicts are read at the same time."""


class Stamps:
    """Stamps the verdicts of one leadership. Times are in seconds since the epoch."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._fresh = True
        self._since: dict[str, float] = {}

    async def recall(self, decisions: Sequence[Decision]) -> None:
        """Before the first verdicts of a leadership: read what the one before has told of these units."""
        names = [d.verdict.name for d in decisions if isinstance(d, Explained) and d.verdict.winner is None]
        if not self._fresh or not names:
            return
        self._fresh = False
        for start in range(0, len(names), AT_ONCE):
            part = names[start : start + AT_ONCE]
            self._note(await asyncio.gather(*map(self._told, part)))

    def stamped(self, explained: Explained) -> Verdict:
        """A verdict with its times."""
        now = time.time()
        verdict = replace(explained.verdict, at=now)
        if explained.waited is None:
            return verdict
        since = self._since.setdefault(verdict.name, now - explained.waited)
        if verdict.winner is not None:
            del self._since[verdict.name]
        return replace(verdict, waiting_since=min(since, now - explained.waited))

    def forget(self, waiting: Iterable[str]) -> None:
        """Forget all units but those that still wait."""
        known = set(waiting)
        self._since = {name: since for name, since in self._since.items() if name in known}

    async def _told(self, name: str) -> Verdict | None:
        try:
            return await self._registry.verdict(name)
        except Unavailable as error:
            log.warning("Since when Unit(%s) waits is not known: %s", name, error)
            return None

    def _note(self, verdicts: Iterable[Verdict | None]) -> None:
        for verdict in verdicts:
            if verdict is not None and verdict.winner is None and verdict.waiting_since is not None:
                self._since[verdict.name] = verdict.waiting_since
