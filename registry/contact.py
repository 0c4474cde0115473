"""Whether the store answers, and since when it has answered without a gap.

Rule 1: one line is logged when the store is lost, and one when it is back.
Rule 2: a gap begins with a request that no member answers in time, long before the store counts as lost:
        leases may have ended meanwhile, and nobody could say that they still lived.
"""

from __future__ import annotations

import asyncio
import logging
import math

log = logging.getLogger(__name__)


class Contact:
    """One client's contact to its store. All requests of the client tell it how they went."""

    def __init__(self) -> None:
        self._began = -math.inf
        self._gap = False
        self._lost = False

    @property
    def steady_since(self) -> float:
        """Since when there was no gap, by the event loop's clock in seconds; now, if there is one."""
        return asyncio.get_running_loop().time() if self._gap else self._began

    def missed(self) -> None:
        """No member has answered a request in time."""
        self._gap = True

    def lost(self, why: str) -> None:
        """No member answers, though they have been asked again and again."""
        self._gap = True
        if not self._lost:
            self._lost = True
            log.warning("lost, trying on: %s", why)

    def answered(self, address: str) -> None:
        """A member has answered."""
        if self._gap:
            self._gap = False
            self._began = asyncio.get_running_loop().time()
        if self._lost:
            self._lost = False
            log.warning("back: etcd at %s", address)
