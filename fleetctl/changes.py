"""Word of every change in the cluster: the API's stream of events, or with a daemon of 1.0 the clock.

Rule 1: an event only says "look now": what is shown comes from the lists.
"""

from __future__ import annotations

import threading
import time

from fleetctl.api import Api
from fleetctl.errors import FleetctlError, Unsupported

POLL = 1.0
"""Seconds between two looks at a cluster that sends no events."""
TOGETHER = 0.1
"""Seconds for which changes are collected before somebody looks."""
RETRY = 1.0


class Changes:
    """Waits for changes. A thread reads the events until the process ends."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._changed = threading.Event()
        self._polls = False
        threading.Thread(target=self._listen, daemon=True).start()

    def wait(self) -> None:
        """Return when something may have changed since the last call."""
        self._changed.wait(POLL if self._polls else None)
        if not self._polls:
            time.sleep(TOGETHER)
        self._changed.clear()

    def _listen(self) -> None:
        while True:
            try:
                for _ in self._api.events():
                    self._changed.set()
            except Unsupported:
                self._polls = True
                self._changed.set()
                return
            except FleetctlError:  # whoever looks is told what is wrong
                self._changed.set()
            time.sleep(RETRY)
