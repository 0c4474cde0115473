"""Who wants a place and has none, in the order of the plan."""

from collections.abc import Sequence

from engine.order import Rank


class Queue:
    """Names by rank. Joining and leaving cost nothing until the order is asked for."""

    def __init__(self) -> None:
        self._ranks: dict[str, Rank] = {}
        self._order: list[Rank] = []
        self._joined: list[Rank] = []
        self._stale = False

    def __contains__(self, name: object) -> bool:
        return name in self._ranks

    def join(self, name: str, rank: Rank) -> None:
        """Put a unit in, or to another place."""
        if self._ranks.get(name) != rank:
            self._stale |= name in self._ranks
            self._ranks[name] = rank
            self._joined.append(rank)

    def leave(self, name: str) -> None:
        """Take a unit out; nothing happens when it is not there."""
        self._stale |= self._ranks.pop(name, None) is not None

    @property
    def order(self) -> Sequence[Rank]:
        """The ranks of all, lowest first; the last part of a rank is the name."""
        if self._stale or self._joined:
            known = {*self._order, *self._joined}
            self._order = sorted(rank for rank in known if self._ranks.get(rank[2]) == rank)
            self._joined, self._stale = [], False
        return self._order
