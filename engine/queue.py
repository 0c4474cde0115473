"""Who wants a place and has none, in the order of the plan."""

from bisect import insort
from collections.abc import Iterator

from engine.order import Rank

FEW = 64
"""So many newcomers are rather put where they belong one by one than sorted in with all."""


class Queue:
    """Names by rank. Who leaves is only marked, until so many have that tidying up pays."""

    def __init__(self) -> None:
        self._ranks: dict[str, Rank] = {}
        self._order: list[Rank] = []
        self._dead: set[Rank] = set()
        self._joined: list[Rank] = []

    def __contains__(self, name: object) -> bool:
        return name in self._ranks

    def __iter__(self) -> Iterator[Rank]:
        """The ranks of all, lowest first; the last part of a rank is the name."""
        self._tidy()
        return (rank for rank in self._order if rank not in self._dead)

    def join(self, name: str, rank: Rank) -> None:
        """Put a unit in, or to another place."""
        if self._ranks.get(name) == rank:
            return
        self.leave(name)
        self._ranks[name] = rank
        if rank in self._dead:
            self._dead.discard(rank)
        else:
            self._joined.append(rank)

    def leave(self, name: str) -> None:
        """Take a unit out; nothing happens when it is not there."""
        rank = self._ranks.pop(name, None)
        if rank is not None:
            self._dead.add(rank)

    def _tidy(self) -> None:
        if len(self._joined) > FEW:
            self._order = sorted([*self._order, *self._joined])
        else:
            for rank in self._joined:
                insort(self._order, rank)
        self._joined = []
        if 2 * len(self._dead) > len(self._order):
            self._order = [rank for rank in self._order if rank not in self._dead]
            self._dead = set()
