"""What systemd is told about this daemon: one datagram per message (sd_notify(3)).

Rule 1: telling never blocks and never fails: a daemon that nobody listens to runs as well.
"""

import logging
import os
import socket
import time
from collections.abc import Mapping

log = logging.getLogger(__name__)

ADDRESS, WATCHDOG, WATCHDOG_PID = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"


class Notifier:
    """The line to systemd, if there is one."""

    def __init__(self, address: str = "") -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._status = ""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Notifier":
        """The one that systemd has named to this process."""
        return cls(environment.get(ADDRESS, ""))

    def ready(self, status: str) -> None:
        """The start is over, or a reload."""
        self._status = status
        self._send("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """The configuration is being read anew."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self, status: str) -> None:
        """The end has begun."""
        self._status = status
        self._send("STOPPING=1", f"STATUS={status}")

    def more_time(self, seconds: float) -> None:
        """Starting or stopping goes on: wait for so much longer from now on."""
        self._send(f"EXTEND_TIMEOUT_USEC={seconds * 1e6:.0f}")

    def alive(self) -> None:
        """The event loop turns."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`; one that has not changed is not sent again."""
        if text != self._status:
            self._status = text
            self._send(f"STATUS={text}")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as line:
                line.sendto("\n".join(lines).encode(errors="replace"), self._address)
        except OSError as error:
            log.debug("systemd was not told %s: %s", lines[0], error)


def watchdog_period(environment: Mapping[str, str], pid: int) -> float | None:
    """The seconds within which systemd wants to hear from this process; None when it does not."""
    try:
        period = int(environment.get(WATCHDOG, "")) / 1e6
        is_ours = int(environment.get(WATCHDOG_PID, pid)) == pid
    except ValueError:
        return None
    return period if is_ours and period > 0 else None


def forget_line(environment: dict[str, str] | os._Environ[str]) -> None:
    """Keep the line from the programs that this one starts (sd_notify(3), `unset_environment`)."""
    for name in (ADDRESS, WATCHDOG, WATCHDOG_PID):
        environment.pop(name, None)
