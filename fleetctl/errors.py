"""What can go wrong for somebody at a terminal.

FleetctlError          says what happened; the command puts in front what it was about to do
├── BadEndpoint        the address or the TLS files cannot be used
├── Unreachable        nobody answers there
├── ApiError           the API answered with an error
├── Unsupported        the daemon there is too old for this
├── BadUnit            a name or a unit file that cannot become a unit
└── SshError           the way to another host is closed
"""

from __future__ import annotations

import sys


class FleetctlError(Exception):
    """The family; its text is for people.

    A hint is added at a terminal only: it goes with words of fleet 1.0, which scripts may look for.
    """

    def __init__(self, said: str = "", hint: str = "") -> None:
        super().__init__(said)
        self._hint = hint

    def __str__(self) -> str:
        said = super().__str__()
        return f"{said} ({self._hint})" if self._hint and sys.stderr.isatty() else said


class BadEndpoint(FleetctlError):
    """The endpoint cannot be understood, or what it needs (TLS files) cannot be read."""


class Unreachable(FleetctlError):
    """No connection, or it broke before the answer was complete."""


class ApiError(FleetctlError):
    """The API said no. The words are those of fleet 1.0's client, which scripts know."""

    def __init__(self, status: int, message: str, body: str = "") -> None:
        said = (
            f"Error {status}: {message}" if message else f"got HTTP response code {status} with body: {body}"
        )
        hint = "" if message else "the journal of that fleetd tells more: journalctl -u fleet"
        super().__init__(f"googleapi: {said}", hint)
        self.status = status
        self.message = message


class Unsupported(FleetctlError):
    """The daemon, perhaps one of fleet 1.0, does not know this part of the API."""


class BadUnit(FleetctlError):
    """A unit that cannot be made: the text names it, and the file and line where there is one."""


class SshError(FleetctlError):
    """No SSH connection, or one that broke."""
