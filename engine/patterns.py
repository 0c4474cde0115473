"""Which machines hold a conflict, kept so that the question costs what it finds, not what there is.

Rule 1: patterns are found by the characters they begin with: a name is tried with few of them.
Rule 2: a unit is only asked about while it is on no machine itself, so it never meets its own patterns.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from itertools import takewhile

from engine.inorder import InOrder
from units.glob import compile_glob, literal_of, prefix_of
from units.requirements import Requirements

MOST_ASKED = 5000
"""So many patterns at most are kept with their machines; then they are counted anew as they are asked."""


class PatternBook:
    """Patterns, found by the names that they match."""

    def __init__(self) -> None:
        self._literals: dict[str, set[str]] = {}
        self._by_prefix: dict[str, set[str]] = {}
        self._lengths: Counter[int] = Counter()

    def add(self, pattern: str) -> None:
        """Put a pattern in that is not there."""
        literal = literal_of(pattern)
        if literal is not None:
            self._literals.setdefault(literal, set()).add(pattern)
            return
        prefix = prefix_of(pattern)
        self._by_prefix.setdefault(prefix, set()).add(pattern)
        self._lengths[len(prefix)] += 1

    def remove(self, pattern: str) -> None:
        """Take a pattern out that is there."""
        literal = literal_of(pattern)
        rows, key = (self._by_prefix, prefix_of(pattern)) if literal is None else (self._literals, literal)
        rows[key].discard(pattern)
        if not rows[key]:
            del rows[key]
        if literal is None:
            self._lengths[len(key)] -= 1
            if not self._lengths[len(key)]:
                del self._lengths[len(key)]

    def matching(self, name: str) -> Iterator[str]:
        """The patterns that match a name."""
        yield from self._literals.get(name, ())
        for length in self._lengths:
            if length <= len(name):
                yield from (p for p in self._by_prefix.get(name[:length], ()) if compile_glob(p)(name))


class ConflictIndex:
    """The residents of all machines, as far as conflicts go."""

    def __init__(self) -> None:
        self._machines: dict[str, set[str]] = {}
        self._names: InOrder[str] = InOrder()
        self._held: dict[str, Counter[str]] = {}
        self._held_book = PatternBook()
        self._asked: dict[str, Counter[str]] = {}
        self._asked_book = PatternBook()

    def put(self, name: str, wants: Requirements, machine: str) -> None:
        """A unit is on a machine now."""
        if name not in self._machines:
            self._machines[name] = set()
            self._names.add(name)
        self._machines[name].add(machine)
        for pattern in self._asked_book.matching(name):
            self._asked[pattern][machine] += 1
        for pattern in set(wants.conflicts):
            if pattern not in self._held:
                self._held[pattern] = Counter()
                self._held_book.add(pattern)
            self._held[pattern][machine] += 1

    def take(self, name: str, wants: Requirements, machine: str) -> None:
        """A unit that was there is no longer on a machine."""
        self._machines[name].discard(machine)
        if not self._machines[name]:
            del self._machines[name]
            self._names.remove(name)
        for pattern in self._asked_book.matching(name):
            _one_less(self._asked[pattern], machine)
        for pattern in set(wants.conflicts):
            _one_less(self._held[pattern], machine)
            if not self._held[pattern]:
                del self._held[pattern]
                self._held_book.remove(pattern)

    def against(self, name: str, wants: Requirements) -> list[Collection[str]]:
        """The machines where a unit would meet a conflict, in sets that may overlap."""
        found = [self._where(pattern) for pattern in set(wants.conflicts)]
        found += [self._held[pattern] for pattern in self._held_book.matching(name)]
        return [machines for machines in found if machines]

    def _where(self, pattern: str) -> Mapping[str, int]:
        """The machines that have units which a pattern matches."""
        if pattern not in self._asked:
            if len(self._asked) >= MOST_ASKED:
                self._asked, self._asked_book = {}, PatternBook()
            self._asked_book.add(pattern)
            self._asked[pattern] = Counter(m for n in self._matched(pattern) for m in self._machines[n])
        return self._asked[pattern]

    def _matched(self, pattern: str) -> Iterator[str]:
        literal = literal_of(pattern)
        if literal is not None:
            yield from (literal,) if literal in self._machines else ()
            return
        prefix = prefix_of(pattern)
        beginning = takewhile(lambda name: name.startswith(prefix), self._names.since(prefix))
        yield from filter(compile_glob(pattern), beginning)


def _one_less(counted: Counter[str], machine: str) -> None:
    counted[machine] -= 1
    if not counted[machine]:
        del counted[machine]
