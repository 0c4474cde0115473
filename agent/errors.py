"""What can go wrong between the agent and its host, and what to do about each.

HostError
├── NoBus         there is no connection to D-Bus: wait until it is back
├── NoAnswer      systemd or D-Bus did not answer in time: try again later
├── Refused       systemd answered and said no: its words say why
│   └── NotLoaded     it does not know the unit (which, where something is to vanish, is success)
├── NameTaken     the host has a unit of that name already, and it is not fleet's
├── NotAsWritten  what systemd has loaded is not what fleet wrote: says what hides it, and the way out
├── NoContent     the registry has no file of that hash
└── Unwritable    a file could not be written or removed: disk full, read-only, no permission
"""

from pathlib import Path


class HostError(Exception):
    """The family; only its members are raised. Its text is a sentence for the owner of a unit."""


class NoBus(HostError):
    """There is no connection to D-Bus; says which bus is waited for."""


class NoAnswer(HostError):
    """No reply within the deadline. Whether the call took effect is not known: look, then decide."""


class Refused(HostError):
    """systemd said no; `error` is the name of the D-Bus error."""

    def __init__(self, what: str, error: str, words: str) -> None:
        super().__init__(f"systemd refused to {what}: {words or error}")
        self.error = error


class NotLoaded(Refused):
    """systemd does not know the unit."""


class NameTaken(HostError):
    """Another unit of that name is on the host."""

    def __init__(self, name: str, path: str) -> None:
        super().__init__(f"the host already has a unit {name} that is not fleet's: {path}")


class NotAsWritten(HostError):
    """systemd has something else under a name than the file that fleet wrote for it."""

    def __init__(self, name: str, why: str, way_out: str) -> None:
        super().__init__(f"what systemd has loaded as {name} is not what fleet wrote: {why} ({way_out})")


class NoContent(HostError):
    """No unit file of that hash is stored."""

    def __init__(self, hash: str) -> None:
        super().__init__(f"the registry has no unit file with the hash {hash}")


class Unwritable(HostError):
    """A file could not be written or removed."""

    def __init__(self, verb: str, path: Path, why: str, free: str = "") -> None:
        super().__init__(f"could not {verb} {path}: {why}{free}")
