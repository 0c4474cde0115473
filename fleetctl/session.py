"""What one run of fleetctl works with: its settings, its connection to the API, and what it has looked up."""

from __future__ import annotations

import sys

from fleetctl.api import Api
from fleetctl.client import Client
from fleetctl.connect import connector
from fleetctl.endpoint import parse_endpoint, split_endpoints
from fleetctl.entities import Machine
from fleetctl.errors import BadEndpoint, FleetctlError
from fleetctl.output import Stop, log_line
from fleetctl.settings import Settings


class Session:
    """One run of fleetctl."""

    def __init__(self, settings: Settings, api: Api) -> None:
        self.settings = settings
        self.api = api
        self._machines: tuple[Machine, ...] | None = None

    @classmethod
    def open(cls, settings: Settings, *, guess: bool = True) -> Session:
        """A session with the cluster that the settings name. No daemon is contacted yet.

        Without `guess` the version of etcd's API is taken as given. Raises Stop.
        """
        try:
            return cls(settings, _client(settings, guess=guess))
        except FleetctlError as error:
            raise Stop(f"Unable to initialize client: {error}") from error

    @property
    def colours(self) -> bool:
        """Whether results are coloured."""
        if self.settings.color == "never" or not (self.settings.color == "always" or sys.stdout.isatty()):
            return False
        from fleetctl.colours import wanted

        return wanted(self.settings.color, sys.stdout)

    def debug(self, text: str) -> None:
        """A step on the way, told on request only."""
        if self.settings.debug:
            log_line("DEBUG", text)

    def machines(self) -> tuple[Machine, ...]:
        """The machines, asked for once; none if they cannot be had (they only adorn what is shown)."""
        if self._machines is None:
            try:
                self._machines = self.api.machines()
            except FleetctlError:
                self._machines = ()
        return self._machines

    def forget(self) -> None:
        """Ask for the machines anew when they are next wanted."""
        self._machines = None

    def close(self) -> None:
        """End the connection to the API, if there is one."""
        self.api.close()


def _client(settings: Settings, *, guess: bool) -> Api:
    if settings.driver == "etcd":
        from fleetctl.direct import opened

        return opened(settings, guess=guess)
    if settings.driver != "API":
        raise BadEndpoint(f'unrecognized driver "{settings.driver}"', "it is API or etcd")
    first, others = split_endpoints(settings.endpoint)
    if others:
        log_line("WARN", f"multiple endpoints provided but only the first ({first}) is used")
    return Client(parse_endpoint(first), lambda there: connector(there, settings), debug=settings.debug)
