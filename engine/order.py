"""The one order in which a plan looks at units: peers before their followers, and otherwise by name.

Rule 1: a rank depends on nothing but who follows whom, so it can be told of one unit without the others.
Rule 2: units that follow each other in a circle are in the order of their names.
"""

from collections.abc import Iterable

Rank = tuple[str, int, str]
"""The first name among a unit and all who follow it, how many those are (negative), and its own name."""


class Order:
    """The ranks of all units. It changes as units come, go, and follow others."""

    def __init__(self) -> None:
        self._peers: dict[str, tuple[str, ...]] = {}
        self._fans: dict[str, set[str]] = {}
        self._ranks: dict[str, Rank] = {}

    def rank(self, name: str) -> Rank:
        """Where a unit stands: lower comes first."""
        if name not in self._fans:
            return (name, -1, name)
        if name not in self._ranks:
            fans = _closure(name, self._fans)
            self._ranks[name] = (min(fans), -len(fans), name)
        return self._ranks[name]

    def fans(self, name: str) -> Iterable[str]:
        """Who follows a unit, directly."""
        return self._fans.get(name, ())

    def follow(self, name: str, peers: tuple[str, ...]) -> set[str]:
        """Say whom a unit follows, from now on; returns the units whose rank may be another one now."""
        peers = tuple(dict.fromkeys(peers))
        before = self._peers.get(name, ())
        if peers == before:
            return set()
        moved = {name, *self._above(name)}
        for peer in before:
            self._fans[peer].discard(name)
            if not self._fans[peer]:
                del self._fans[peer]
        for peer in peers:
            self._fans.setdefault(peer, set()).add(name)
        self._peers[name] = peers
        if not peers:
            del self._peers[name]
        moved |= self._above(name)
        for one in moved:
            self._ranks.pop(one, None)
        return moved

    def _above(self, name: str) -> set[str]:
        """All that a unit follows, over any number of steps."""
        return _closure(name, self._peers)


def _closure(start: str, edges: dict[str, set[str]] | dict[str, tuple[str, ...]]) -> set[str]:
    seen = {start}
    pending = [start]
    while pending:
        for name in edges.get(pending.pop(), ()):
            if name not in seen:
                seen.add(name)
                pending.append(name)
    return seen
