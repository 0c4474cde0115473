"""One command on several machines at once: every line with the name of where it comes from, in order of time.

Rule 1: lines come in the order of their own times as far as they arrive within `hold` seconds of each other.
Rule 2: where one machine fails, the others go on; the exit status is the first that is not 0.
"""

from __future__ import annotations

import heapq
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from fleetctl import colours
from fleetctl.entities import Machine
from fleetctl.errors import FleetctlError
from fleetctl.output import complain, say
from fleetctl.remote import BROKEN, end_children, feed_from, own_machine_id
from fleetctl.session import Session

AT_ONCE = 32
"""So many connections are opened at a time, unless the commands never end."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where lines come from. `here`: run it without SSH if the machine is this host."""

    label: str
    machine: Machine
    words: tuple[str, ...]
    here: bool = True


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """One line and its time, in seconds since the epoch; equal times keep the order of arrival."""

    at: float
    number: int
    source: int = field(compare=False)
    text: str = field(compare=False)


Read = Callable[[str], tuple[float | None, str]]
"""A raw line -> its own time, if it has one, and what is to be shown of it."""


def as_it_is(raw: str) -> tuple[float | None, str]:
    """Lines without times of their own: those of their arrival count."""
    return None, raw


class Held:
    """Lines that are held back for a while, so that they leave in the order of their times. Pure."""

    def __init__(self, hold: float) -> None:
        self._hold = hold
        self._arrivals: deque[tuple[float, Line]] = deque()
        self._lines: list[Line] = []

    def put(self, line: Line, now: float) -> None:
        """Take a line that has arrived now."""
        self._arrivals.append((now, line))
        heapq.heappush(self._lines, line)

    def due(self, now: float) -> Iterator[Line]:
        """The lines that have been held long enough, and all that are older than one of them."""
        last: Line | None = None
        while self._arrivals and now - self._arrivals[0][0] >= self._hold:
            _, line = self._arrivals.popleft()
            last = line if last is None else max(last, line)
        while last is not None and self._lines and self._lines[0] <= last:
            yield heapq.heappop(self._lines)

    def rest(self) -> Iterator[Line]:
        """All that are left."""
        while self._lines:
            yield heapq.heappop(self._lines)


def run_on_many(
    session: Session, sources: Sequence[Source], *, port: int, read: Read = as_it_is, hold: float = 0.0,
    endless: bool = False,
) -> int:  # fmt: skip
    """Run each and print what they say; returns the exit status. Raises nothing of SSH."""
    arrived: queue.Queue[tuple[int, str | None]] = queue.Queue()
    statuses = [0] * len(sources)
    slots = threading.Semaphore(len(sources) if endless else AT_ONCE)

    def work(number: int) -> None:
        source = sources[number]
        here = source.here and source.machine.id == own_machine_id()
        with slots:
            try:
                tell = lambda raw: arrived.put((number, raw))  # noqa: E731
                statuses[number] = feed_from(
                    session.settings, source.machine, source.words, port, tell, here=here
                )
            except FleetctlError as error:
                complain(f"{source.label}: {error}")
                statuses[number] = BROKEN
        arrived.put((number, None))

    for number in range(len(sources)):
        threading.Thread(target=work, args=(number,), daemon=True).start()
    try:
        _print(session, sources, arrived, read, hold)
    finally:
        end_children()
    return next(filter(None, statuses), 0)


def _print(
    session: Session,
    sources: Sequence[Source],
    arrived: queue.Queue[tuple[int, str | None]],
    read: Read,
    hold: float,
) -> None:
    labels = _labels(session, sources)
    held, running, count = Held(hold), len(sources), 0
    while running:
        try:
            number, raw = arrived.get(timeout=max(0.02, min(hold / 4, 1.0)))
        except queue.Empty:
            number, raw = -1, ""
        if raw is None:
            running -= 1
        elif number >= 0:
            at, text = read(raw)
            count += 1
            held.put(Line(time.time() if at is None else at, count, number, text), time.monotonic())
        for line in held.due(time.monotonic()) if running else held.rest():
            for part in line.text.split("\n"):
                say(f"{labels[line.source]} {part}")


def _labels(session: Session, sources: Sequence[Source]) -> list[str]:
    width = max(len(source.label) for source in sources)
    padded = [f"{source.label:{width}} |" for source in sources]
    if not session.colours:
        return padded
    return [colours.name(label, number) for number, label in enumerate(padded)]
