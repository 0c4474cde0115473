"""Many things in order, in blocks, so that one more costs little however many there are."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Generic, TypeVar

Thing = TypeVar("Thing", str, tuple[int, str])

BLOCK = 1024
"""A block is split when it has grown to twice this."""


class InOrder(Generic[Thing]):
    """Things that can be compared, each at most once."""

    def __init__(self, things: Iterable[Thing] = ()) -> None:
        every = sorted(things)
        self._blocks: list[list[Thing]] = [every[at : at + BLOCK] for at in range(0, len(every), BLOCK)] or [
            []
        ]
        self._starts: list[Thing] = [block[0] for block in self._blocks[1:]]
        """For each block but the first: nothing in it is lower, and nothing before it is not."""

    def __iter__(self) -> Iterator[Thing]:
        return chain.from_iterable(self._blocks)

    def add(self, thing: Thing) -> None:
        """Put something in that is not there."""
        at = bisect_right(self._starts, thing)
        block = self._blocks[at]
        insort(block, thing)
        if len(block) >= 2 * BLOCK:
            self._blocks[at : at + 1] = [block[:BLOCK], block[BLOCK:]]
            self._starts.insert(at, block[BLOCK])

    def remove(self, thing: Thing) -> None:
        """Take something out that is there."""
        at = bisect_right(self._starts, thing)
        block = self._blocks[at]
        del block[bisect_left(block, thing)]
        if not block and at:
            del self._blocks[at], self._starts[at - 1]

    def since(self, first: Thing) -> Iterator[Thing]:
        """All that is not lower than this, in order. It must not change meanwhile."""
        at = bisect_right(self._starts, first)
        block = self._blocks[at]
        return chain(block[bisect_left(block, first) :], chain.from_iterable(self._blocks[at + 1 :]))
