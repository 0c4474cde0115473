"""The last inputs of the engine on disk, so that every decision in the field can be looked at again.

Rule 1: a pass only hands over references. Turning them into text and writing it happens later, in a thread,
        and takes at most a tenth of a core.
Rule 2: whatever goes wrong here is told once and stops nothing.
"""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from time import thread_time

from engine.plan import Plan
from engine.replay import decided
from engine.saved import Moment, as_json

log = logging.getLogger(__name__)

KEPT = 20
"""How many moments are kept, on disk and on their way to it."""

QUIET = 1.0
"""Seconds between a decision and its way to the disk: a storm of decisions goes first."""

SHARE = 0.1
"""How much of one core writing may take."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A moment, and what was decided then."""

    moment: Moment
    plan: Plan
    at: datetime


class Recorder:
    """A ring of files, `moment-00.json` to `moment-19.json`, in one directory."""

    def __init__(self, directory: Path, *, quiet: float = QUIET) -> None:
        self._directory = directory
        self._quiet = quiet
        self._pending: deque[Recorded] = deque(maxlen=KEPT)
        self._something = asyncio.Event()
        self._idle = asyncio.Event()
        self._numbers: Iterator[int] | None = None
        self._failing = False

    def note(self, moment: Moment, plan: Plan) -> None:
        """Keep a moment in which something was decided. Costs nothing worth measuring."""
        if plan.decisions:
            self._idle.clear()
            self._pending.append(Recorded(moment, plan, datetime.now(UTC)))
            self._something.set()

    async def wait_written(self) -> None:
        """Return when all that is noted has been written, or could not be."""
        await self._idle.wait()

    async def write_for_ever(self) -> None:
        """Bring to the disk what is noted, until cancelled."""
        while True:
            try:
                await self._write_what_is_noted()
            except Exception:
                log.exception("keeping the engine's inputs for a replay")

    async def _write_what_is_noted(self) -> None:
        await self._something.wait()
        await asyncio.sleep(self._quiet)
        self._something.clear()
        while self._pending:
            took = await asyncio.to_thread(self._write, self._pending.popleft())
            await asyncio.sleep(took * (1 / SHARE - 1))
        self._idle.set()

    def _write(self, recorded: Recorded) -> float:
        """Write one file; returns the seconds of processor time that it took."""
        started = thread_time()
        try:
            self._write_file(as_text(recorded))
        except OSError as error:
            if not self._failing:
                log.warning("The engine's inputs cannot be kept for a replay: %s", error)
            self._failing = True
        else:
            self._failing = False
        return thread_time() - started

    def _write_file(self, text: str) -> None:
        if self._numbers is None:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._numbers = count(_after_newest(self._directory))
        path = self._directory / f"moment-{next(self._numbers) % KEPT:02}.json"
        beside = path.with_suffix(".new")
        beside.write_text(text)
        beside.replace(path)


def as_text(recorded: Recorded) -> str:
    """A file's content: a line for each table, and what was decided."""
    tables = {
        "at": recorded.at.isoformat(timespec="milliseconds"),
        **as_json(recorded.moment),
        "decided": decided(recorded.plan.decisions),
    }
    # Table by table, because nothing else runs while one is turned into text.
    rows = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in tables.items()]
    return "{" + ",\n".join(rows) + "}\n"


def _after_newest(directory: Path) -> int:
    """Where the ring of an earlier engine goes on."""
    there = sorted(directory.glob("moment-[0-9][0-9].json"), key=lambda path: path.stat().st_mtime_ns)
    return int(there[-1].stem.removeprefix("moment-")) + 1 if there else 0
