"""How long an SSH connection may take to come about."""

from __future__ import annotations

import time

from fleetctl.errors import SshError


class Deadline:
    """The moment by which something must have come about."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that are left. Raises SshError when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise SshError("timed out while initiating SSH connection")
        return left
