"""The units on one machine, kept so that the question for conflicts is answered without looking at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from units.glob import compile_glob, literal_of
from units.requirements import Requirements


class ResidentSet:
    """The units on one machine with their requirements. It changes: add and remove.

    Patterns of residents are indexed: plain names by the name they match, real
    patterns once each, however many residents share them.
    """

    __slots__ = ("_by_name", "_named", "_patterns")

    def __init__(self, residents: Mapping[str, Requirements] | None = None) -> None:
        self._by_name: dict[str, Requirements] = {}
        self._named: dict[str, set[str]] = {}
        self._patterns: dict[str, set[str]] = {}
        for name, wants in (residents or {}).items():
            self.add(name, wants)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def add(self, name: str, wants: Requirements) -> None:
        """Put a unit there, in place of one of the same name."""
        self.remove(name)
        self._by_name[name] = wants
        for index, key in self._keys(wants):
            index.setdefault(key, set()).add(name)

    def remove(self, name: str) -> None:
        """Take a unit away; nothing happens when it is not there."""
        wants = self._by_name.pop(name, None)
        for index, key in self._keys(wants) if wants else ():
            holders = index.get(key, set())
            holders.discard(name)
            if not holders:
                index.pop(key, None)

    def conflicting(self, name: str, requirements: Requirements) -> str | None:
        """The first by name of the units that conflict with this one, never itself."""
        if not (requirements.conflicts or self._named or self._patterns):
            return None
        found = {*self._matched_by(requirements), *self._matching(name)}
        return min(found - {name}, default=None)

    def _keys(self, wants: Requirements) -> Iterable[tuple[dict[str, set[str]], str]]:
        """Where the patterns of a resident stand in the index; the same one only once."""
        for pattern in set(wants.conflicts):
            literal = literal_of(pattern)
            yield (self._patterns, pattern) if literal is None else (self._named, literal)

    def _matched_by(self, requirements: Requirements) -> Iterator[str]:
        for pattern in requirements.conflicts:
            literal = literal_of(pattern)
            if literal is None:
                yield from filter(compile_glob(pattern), self._by_name)
            elif literal in self._by_name:
                yield literal

    def _matching(self, name: str) -> Iterator[str]:
        yield from self._named.get(name, ())
        for pattern, holders in self._patterns.items():
            if compile_glob(pattern)(name):
                yield from holders
