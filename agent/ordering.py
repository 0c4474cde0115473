"""Which of some units have to be asked for before which, so that systemd itself can keep their order.

systemd holds a start back for the sake of `After=` only while the other one is being started. So whoever
comes first has to be asked for first: then its job is there when the other one's comes.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from units.file import UnitFile
from units.name import expand


def predecessors(files: Mapping[str, UnitFile]) -> Mapping[str, frozenset[str]]:
    """By unit name, those of the others that come first. A circle is cut somewhere: it has no order."""
    first: defaultdict[str, set[str]] = defaultdict(set)
    for name in sorted(files):
        for other in _named(name, files[name], "After"):
            first[name].add(other)
        for other in _named(name, files[name], "Before"):
            first[other].add(name)
    known = {name: {other for other in first[name] & files.keys() if other != name} for name in files}
    while cycle := _cycle(known):
        known[cycle[1]].discard(cycle[0])
    return {name: frozenset(others) for name, others in known.items() if others}


def _named(name: str, file: UnitFile, option: str) -> Iterator[str]:
    """The units that an option of `[Unit]` names; an empty value takes back what was named before."""
    words: list[str] = []
    for value in file.section_values("Unit", option):
        words = [*words, *value.split()] if value.strip() else []
    return (expand(word, name) for word in words)


def _cycle(first: Mapping[str, set[str]]) -> list[str] | None:
    """One circle, each member a predecessor of the next, or None when there is none."""
    try:
        TopologicalSorter(first).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return None
