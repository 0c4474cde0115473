"""The keys of the shared state: from what they name to text, and back.

Rule 1: every key begins with the prefix, joined with single slashes whatever the operator wrote.
Rule 2: a kind that this version does not know is no error: a newer fleet may have written it.

    unit/<hash>                the canonical text of a unit file, once per content
    job/<name>                 a unit that runs on one machine; a name is in job/ or in global/, never in both
    global/<name>              a unit that runs on all machines that fit
    schedule/<machine>/<name>  what a machine has been told to run
    offer/<machine>/<name>     the leader asks; on the leader's lease
    bid/<name>/<machine>       a machine answers; on the machine's lease
    machine/<id>               a machine that is present; on its own lease
    left/<id>                  a machine that has left in order; for a while, or until it comes back
    metadata/<id>/<key>        metadata set through the API, present or not
    state/<machine>/<name>     what systemd says of a unit; on the machine's lease
    verdict/<name>             why a unit is where it is; read on demand, in no view
    leader                     who leads; on the leader's lease
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from registry.port import Everything, OneMachine, Scope

DEFAULT_PREFIX = "/_coreos.com/fleet/"


class Kind(StrEnum):
    """What a key names; the value is the first part of the key, after the prefix."""

    UNIT = "unit"
    JOB = "job"
    GLOBAL = "global"
    SCHEDULE = "schedule"
    OFFER = "offer"
    BID = "bid"
    MACHINE = "machine"
    LEFT = "left"
    METADATA = "metadata"
    STATE = "state"
    LEADER = "leader"


_KINDS = {kind.value: kind for kind in Kind}
_BY_NAME = frozenset({Kind.UNIT, Kind.JOB, Kind.GLOBAL})
_BY_MACHINE = frozenset({Kind.MACHINE, Kind.LEFT})
_BY_MACHINE_AND_NAME = frozenset({Kind.SCHEDULE, Kind.OFFER, Kind.STATE})


@dataclass(frozen=True, slots=True)
class Key:
    """What one key names. `name` is a unit name, a hash or a metadata key; unused parts are empty."""

    kind: Kind
    name: str = ""
    machine: str = ""


@dataclass(frozen=True, slots=True)
class Range:
    """One key, or with `tree` all keys that begin with it."""

    start: str
    tree: bool = True

    def covers(self, key: str) -> bool:
        """Whether a key lies in it."""
        return key.startswith(self.start) if self.tree else key == self.start


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys under one prefix, which ends in a slash."""

    prefix: str

    @classmethod
    def under(cls, prefix: str) -> Keys:
        """The keys under a prefix as an operator writes it."""
        parts = [part for part in prefix.split("/") if part]
        return cls("/".join(["", *parts, ""]))

    def unit(self, hash: str) -> str:
        """A content."""
        return f"{self.prefix}unit/{hash}"

    def job(self, name: str, *, is_global: bool) -> str:
        """A job, in one of its two places."""
        return f"{self.prefix}{'global' if is_global else 'job'}/{name}"

    def schedule(self, machine: str, name: str) -> str:
        """An entry of a machine's schedule."""
        return f"{self.prefix}schedule/{machine}/{name}"

    def offer(self, machine: str, name: str) -> str:
        """The offer of a unit to a machine."""
        return f"{self.prefix}offer/{machine}/{name}"

    def bid(self, name: str, machine: str) -> str:
        """The answer of a machine."""
        return f"{self.prefix}bid/{name}/{machine}"

    def bids(self, name: str) -> str:
        """What all bids for one unit begin with."""
        return f"{self.prefix}bid/{name}/"

    def machine(self, id: str) -> str:
        """The presence of a machine."""
        return f"{self.prefix}machine/{id}"

    def left(self, id: str) -> str:
        """The word of a machine that has left in order."""
        return f"{self.prefix}left/{id}"

    def metadata(self, machine: str, key: str) -> str:
        """One of the metadata that were set through the API."""
        return f"{self.prefix}metadata/{machine}/{key}"

    def state(self, machine: str, name: str) -> str:
        """What a machine last said of a unit."""
        return f"{self.prefix}state/{machine}/{name}"

    def verdict(self, name: str) -> str:
        """Where the verdict on a unit is kept."""
        return f"{self.prefix}verdict/{name}"

    @property
    def leader(self) -> str:
        """Who leads."""
        return f"{self.prefix}leader"

    def named_by(self, key: str) -> Key | None:
        """What a key names, or None for a key of no known form."""
        if not key.startswith(self.prefix):
            return None
        word, *parts = key[len(self.prefix) :].split("/", 1)
        kind = _KINDS.get(word)
        return _named(kind, parts[0] if parts else "") if kind else None

    def ranges(self, scope: Scope) -> tuple[Range, ...]:
        """The parts of the store that a scope covers."""
        match scope:
            case Everything():
                return (Range(self.prefix),)
            case OneMachine(id):
                trees = (f"schedule/{id}/", f"offer/{id}/", f"metadata/{id}/", "global/")
                return (*(Range(self.prefix + tree) for tree in trees), Range(self.machine(id), tree=False))


def _named(kind: Kind, rest: str) -> Key | None:
    """What a key of some kind names, by what follows its first part."""
    if kind is Kind.METADATA:
        # The names of metadata are their owner's affair: they may hold slashes.
        machine, _, name = rest.partition("/")
        return Key(kind, name, machine) if machine and name else None
    match rest.split("/"):
        case [""]:
            return Key(kind) if kind is Kind.LEADER else None
        case [id] if kind in _BY_MACHINE:
            return Key(kind, machine=id)
        case [name] if kind in _BY_NAME:
            return Key(kind, name)
        case [machine, name] if machine and name and kind in _BY_MACHINE_AND_NAME:
            return Key(kind, name, machine)
        case [name, machine] if machine and name and kind is Kind.BID:
            return Key(kind, name, machine)
        case _:
            return None
