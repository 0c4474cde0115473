"""Word of changes in the cluster: the API's stream of events, or with a daemon of 1.0 the clock.

Rule 1: an event only says "look now": what is shown comes from the lists.
Rule 2: a stream that breaks is taken up where it ended; what came meanwhile is not missed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Container

from fleetctl.api import Api
from fleetctl.errors import FleetctlError, Unsupported

POLL = 1.0
"""Seconds between two looks at a cluster that sends no events."""
TOGETHER = 0.1
"""Seconds for which changes are collected before somebody looks at a list."""
RETRY = 1.0

QUICK = 1.0
"""Seconds for which a unit is looked at again and again: most are done by then, and cost no stream."""
FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.010, 0.250, 1.3


class Changes:
    """Listens for changes, of these units if they are named. A thread reads until the process ends."""

    def __init__(self, api: Api, names: Container[str] | None = None) -> None:
        self._api = api
        self._names = names
        self._changed = threading.Event()
        self.polls = False
        """Whether there is nothing to listen to."""
        threading.Thread(target=self._listen, daemon=True).start()

    def wait(self, longest: float | None = None) -> bool:
        """Whether something may have changed since the last call; waits for it, at most `longest` seconds."""
        changed = self._changed.wait(longest)
        self._changed.clear()
        return changed

    def _listen(self) -> None:
        since = ""
        while True:
            try:
                for event in self._api.events(since):
                    since = event.id or since
                    if self._names is None or not event.unit or event.unit in self._names:
                        self._changed.set()
            except Unsupported:
                self.polls = True
                self._changed.set()
                return
            except FleetctlError:  # whoever looks is told what is wrong
                self._changed.set()
            time.sleep(RETRY)


class Pace:
    """When to look at units again that are waited for: often at first, then when they change."""

    def __init__(self, api: Api, names: Container[str]) -> None:
        self._api, self._names = api, names
        self._start = time.monotonic()
        self._pause = FIRST_PAUSE
        self._changes: Changes | None = None

    def wait(self, longest: float, *, restless: bool) -> None:
        """Return when it is time to look, after at most `longest` seconds.

        What events do not tell of, such as why a unit has no place, is `restless`: looked at again and again.
        """
        if time.monotonic() - self._start < QUICK:
            time.sleep(min(self._pause, longest))
            self._pause = min(self._pause * GROWTH, LONGEST_PAUSE)
            return
        if self._changes is None:
            self._changes = Changes(self._api, self._names)
        if self._changes.polls:
            time.sleep(min(LONGEST_PAUSE, longest))
        else:
            self._changes.wait(min(LONGEST_PAUSE if restless else POLL, longest))
