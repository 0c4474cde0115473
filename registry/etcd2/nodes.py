"""The keys below our prefix as etcd has them: what a read found, and what each event makes of it. Pure.

Rule 1: nodes are kept in groups by the first two parts of their keys: what one record is made of.
Rule 2: directories hold nothing: an empty one is the same as none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Group = tuple[str, str]
"""The first two parts of a key: `("job", "a.service")`."""

VERSIONED: Final = ("/object", "/target-state", "/target")
GONE: Final = frozenset({"delete", "expire", "compareAndDelete"})
NOTHING: Final[Mapping[str, Node]] = {}


@dataclass(frozen=True, slots=True)
class Node:
    """The value of one key, and the indices of its creation and last change."""

    value: str
    created: int
    modified: int

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Node:
        """The node in an answer of etcd."""
        return cls(fields.get("value", ""), fields.get("createdIndex", 0), fields.get("modifiedIndex", 0))


@dataclass(frozen=True, slots=True)
class Event:
    """One change: of a key, or with `node` None the end of a key and all below it."""

    path: str | None
    """Without the prefix; empty for all of it, None when no key has changed."""
    node: Node | None
    index: int

    @classmethod
    def of(cls, answer: Mapping[str, Any], prefix: str) -> Event:
        """The event in an answer of etcd."""
        fields = answer["node"]
        path, index = relative(fields["key"], prefix), fields["modifiedIndex"]
        if answer.get("action") in GONE:
            return cls(path, None, index)
        is_directory = fields.get("dir", False)
        return cls(None if is_directory else path, None if is_directory else Node.of(fields), index)


def relative(key: str, prefix: str) -> str:
    """A key without the prefix, which ends in no slash; empty for the prefix itself and those above it."""
    return key[len(prefix) + 1 :] if key.startswith(prefix + "/") else ""


def leaves(fields: Mapping[str, Any] | None) -> Iterator[tuple[str, Node]]:
    """All keys below a node of a recursive answer, with what they hold."""
    if fields is None:
        return
    if fields.get("dir"):
        for child in fields.get("nodes") or ():
            yield from leaves(child)
    else:
        yield fields["key"], Node.of(fields)


class Nodes:
    """What is known of all keys."""

    def __init__(self) -> None:
        self._roots: dict[str, dict[str, dict[str, Node]]] = {}

    def get(self, path: str) -> Node | None:
        """One key."""
        root, name, rest = parted(path)
        return self._roots.get(root, {}).get(name, {}).get(rest)

    def group(self, root: str, name: str) -> Mapping[str, Node]:
        """The keys of one group, by what follows its first two parts."""
        return self._roots.get(root, {}).get(name, NOTHING)

    def names(self, root: str) -> tuple[str, ...]:
        """The second parts of all keys that begin so."""
        return tuple(self._roots.get(root, ()))

    def groups(self) -> Iterator[Group]:
        """All groups."""
        for root, names in self._roots.items():
            for name in names:
                yield root, name

    def take(self, event: Event) -> set[Group]:
        """Change what an event changes; returns the groups it touched."""
        if event.path is None:
            return set()
        if event.node is not None:
            return {self.put(event.path, event.node)}
        return self._remove(event.path)

    def is_heartbeat(self, event: Event) -> bool:
        """Whether an event says only what was there already: that it goes on.

        Of what makes up a unit the last change counts (`Job.version`), whatever it said.
        """
        if event.path is None or event.node is None or event.path.endswith(VERSIONED):
            return False
        there = self.get(event.path)
        return there is not None and (there.value, there.created) == (event.node.value, event.node.created)

    def put(self, path: str, node: Node) -> Group:
        """Set one key; returns its group."""
        root, name, rest = parted(path)
        self._roots.setdefault(root, {}).setdefault(name, {})[rest] = node
        return root, name

    def become(self, found: Nodes) -> set[Group]:
        """Take over another state of all keys; returns the groups that differ."""
        touched = {g for g in {*self.groups(), *found.groups()} if self.group(*g) != found.group(*g)}
        self._roots = found._roots
        return touched

    def _remove(self, path: str) -> set[Group]:
        """Remove a key, or all that is below it."""
        return {group for group in self._candidates(path) if self._thin_out(group, path)}

    def _candidates(self, path: str) -> list[Group]:
        root, name, _ = parted(path)
        if not path:
            return list(self.groups())
        if not name:
            return [(root, other) for other in self.names(root)]
        return [(root, name)] if name in self._roots.get(root, ()) else []

    def _thin_out(self, group: Group, path: str) -> bool:
        """Remove from one group what is at a path or below it; whether there was anything."""
        root, name = group
        rows = self._roots[root][name]
        _, inner, rest = parted(path)
        gone = [r for r in rows if not inner or not rest or r == rest or r.startswith(rest + "/")]
        for key in gone:
            del rows[key]
        if not rows:
            del self._roots[root][name]
        return bool(gone)


def parted(path: str) -> tuple[str, str, str]:
    """The first two parts of a path and the rest, empty where there is none."""
    root, _, tail = path.partition("/")
    name, _, rest = tail.partition("/")
    return root, name, rest
