"""What can go wrong between us and the shared state, and what to do about each.

RegistryError
├── Unavailable   no answer in time, no leader, no quorum: try again later
├── Conflict      someone else changed it first: read again, decide again, never just repeat the write
│   ├── Occupied  another daemon is present under this machine ID
│   └── Deposed   another engine leads, or the lease of this one has ended: stop writing
├── Lost          the lease of this host has ended: join again
└── Refused       the store answers and says no for good: wrong password, wrong certificate, wrong version
"""

from typing import Final

NO_ANSWER: Final = "no answer in time (it hangs, or too few members of its cluster are up)"
"""What is said of a member that takes a request and does not answer it."""
NO_CONNECTION: Final = "no connection in time"
"""What is said of a member that does not take up a connection, without a word why."""


class RegistryError(Exception):
    """The family; only its members are raised."""


class Unavailable(RegistryError):
    """No answer in time, from any endpoint. Whether a write took place is not known: read, then decide."""


class Conflict(RegistryError):
    """What was expected in the registry is no longer there."""


class Occupied(Conflict):
    """The machine ID is taken by a daemon that is alive, or whose lease has not yet ended."""


class Deposed(Conflict):
    """The write was refused because this engine no longer leads."""


class Lost(RegistryError):
    """The write was refused because the lease of this host has ended."""


class Refused(RegistryError):
    """The store will never accept this: credentials, certificates or protocol version are wrong."""


class Faults:
    """What was wrong with each of some members, in one operation."""

    def __init__(self) -> None:
        self._whys: dict[str, str] = {}

    def note(self, address: str, why: str) -> None:
        """Remember the last cause; one that says something outlives a later try that only took too long."""
        if why not in (NO_ANSWER, NO_CONNECTION) or address not in self._whys:
            self._whys[address] = why

    def __str__(self) -> str:
        return "; ".join(f"etcd at {address}: {why}" for address, why in self._whys.items())
