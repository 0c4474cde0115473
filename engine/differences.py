"""What is different between two tables. What they share is not looked at."""

from collections.abc import Mapping
from itertools import compress
from operator import is_not
from typing import TypeVar

Value = TypeVar("Value")


def changed(old: Mapping[str, Value], new: Mapping[str, Value]) -> set[str]:
    """The keys whose values are not equal in both, or that only one of them has."""
    if old is new:
        return set()
    others = compress(new, map(is_not, new.values(), map(old.get, new)))
    moved = {key for key in others if old.get(key) != new[key]}
    added = sum(key not in old for key in moved)
    if len(new) - added != len(old):
        moved |= old.keys() - new.keys()
    return moved
