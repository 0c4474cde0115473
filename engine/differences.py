"""What is different between two clusters. What they share is not looked at, row by row."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import compress
from operator import is_not
from typing import TypeVar

from engine.cluster import Cluster

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Differences:
    """Names of units, and IDs of machines, of which something is not as it was."""

    units: set[str]
    unreadable: frozenset[str]
    rows: set[str]
    """Units whose row of the schedule has changed."""
    machines: set[str]


def differences(old: Cluster, new: Cluster) -> Differences:
    """All that is different for who stays where; records that are not the same object are compared."""
    return Differences(
        units=changed(old.units, new.units),
        unreadable=old.unreadable ^ new.unreadable,
        rows=changed(old.schedule, new.schedule),
        machines=changed(old.machines, new.machines),
    )


def changed(old: Mapping[str, Value], new: Mapping[str, Value]) -> set[str]:
    """The keys whose values are not equal in both, or that only one of them has."""
    if old is new:
        return set()
    moved = set(compress(new, map(is_not, new.values(), map(old.get, new))))
    moved = {key for key in moved if old.get(key) != new[key]}
    if len(new) - len(new.keys() - old.keys()) != len(old):
        moved |= old.keys() - new.keys()
    return moved
