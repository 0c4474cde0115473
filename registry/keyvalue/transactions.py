"""What a store is told: guarded transactions as plain data.

Rule 1: a transaction takes place as a whole, when all its guards hold, or not at all.
Rule 2: no key is written twice in one transaction (etcd refuses that).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

MAX_OPERATIONS: Final = 100
"""An etcd transaction takes 128 by default."""
MAX_BYTES: Final = 900_000
"""An etcd request takes 1.5 MiB by default."""


class Trait(Enum):
    """What of a key is compared; all of them are 0 or empty for a key that does not exist."""

    CREATED = "create_revision"
    MODIFIED = "mod_revision"
    VALUE = "value"


class Relation(Enum):
    """How it must compare."""

    EQUAL = "=="
    GREATER = ">"
    LESS = "<"


@dataclass(frozen=True, slots=True)
class Guard:
    """One comparison: of revisions for CREATED and MODIFIED, of bytes for VALUE."""

    key: str
    trait: Trait
    expected: int | bytes
    relation: Relation = Relation.EQUAL


@dataclass(frozen=True, slots=True)
class Put:
    """Set a key; under a lease it ends with the lease (0 is none)."""

    key: str
    value: bytes
    lease: int = 0


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a key, or with `tree` all that begin with it; nothing happens if there is none."""

    key: str
    tree: bool = False


@dataclass(frozen=True, slots=True)
class Transaction:
    """Guards and what is done when they hold; one inside another has guards of its own."""

    guards: tuple[Guard, ...]
    operations: tuple[Operation, ...]


Operation = Put | Delete | Transaction


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether the guards held, and the store's revision after it."""

    took_place: bool
    revision: int


def created_at(key: str, revision: int) -> Guard:
    """The key is still the one that was created at this revision; with 0, it does not exist."""
    return Guard(key, Trait.CREATED, revision)


def modified_at(key: str, revision: int) -> Guard:
    """The key is still as it was written at this revision; with 0, it does not exist."""
    return Guard(key, Trait.MODIFIED, revision)


def batches(guards: tuple[Guard, ...], operations: Iterable[Operation]) -> Iterator[Transaction]:
    """As few transactions as the store allows that do all of it in order, each with the same guards.

    Within a transaction only the last plain word on a key counts; it stands where the last word stood.
    """
    batch: dict[object, Operation] = {}
    size = 0
    for operation in operations:
        identity = _identity(operation)
        # A word with guards of its own may come to nothing, and then the one before it counts.
        again = isinstance(operation, Transaction) and identity in batch
        if again or len(batch) >= MAX_OPERATIONS or (batch and size + _size(operation) > MAX_BYTES):
            yield Transaction(guards, tuple(batch.values()))
            batch, size = {}, 0
        batch.pop(identity, None)
        batch[identity] = operation
        size += _size(operation)
    if batch:
        yield Transaction(guards, tuple(batch.values()))


def _identity(operation: Operation) -> object:
    """What must not occur twice in one transaction."""
    match operation:
        case Put(key) | Delete(key):
            return key
        case Transaction(_, operations):
            return tuple(map(_identity, operations))


def _size(operation: Operation) -> int:
    match operation:
        case Put(key, value):
            return len(key) + len(value) + 40
        case Delete(key):
            return 2 * len(key) + 40
        case Transaction(guards, operations):
            return sum(map(_size, operations)) + sum(len(guard.key) + 80 for guard in guards)
