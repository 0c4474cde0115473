"""The line in `systemctl status fleet`, the watchdog's heartbeat, and more time while units are given away.

Rule 1: the heartbeat comes from the event loop itself: a loop that hangs is ended and started again.
Rule 2: a daemon that waits for etcd is ready: no boot waits for another host.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from fleetd.notify import Notifier

BEAT = 5.0
"""Seconds between two looks at what the line should say."""
MORE_TIME = 30.0
"""Seconds that are asked for again and again while units are given away."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What the line is made of."""

    leads: bool
    units: int
    shut: str
    """Why the API does not answer; empty when it does."""
    handing_over: bool = False


def line(now: Condition) -> str:
    """`leader · 12 units · etcd ok`, or what is waited for."""
    units = f"{now.units} unit{'' if now.units == 1 else 's'}"
    if now.handing_over:
        return f"handing over {units}"
    if now.shut:
        return f"{units} · waiting: {now.shut}"
    return f"{'leader' if now.leads else 'member'} · {units} · etcd ok"


class Status:
    """Keeps systemd informed from `ready` on. `watchdog` is its period in seconds, if it wants any."""

    def __init__(
        self, notifier: Notifier, look: Callable[[], Condition], *, watchdog: float | None = None
    ) -> None:
        self._notifier = notifier
        self._look = look
        self._beat = min(BEAT, watchdog / 3) if watchdog else BEAT
        self._has_watchdog = watchdog is not None
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """Look again soon."""
        self._changed.set()

    async def run(self) -> None:
        """Say that the start is over, then what goes on. Never returns."""
        self._notifier.ready(line(self._look()))
        while True:
            self.tell()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._beat):
                    await self._changed.wait()
            self._changed.clear()

    def tell(self) -> None:
        """Say it now."""
        now = self._look()
        if self._has_watchdog:
            self._notifier.alive()
        if now.handing_over:
            self._notifier.more_time(MORE_TIME)
        self._notifier.status(line(now))
