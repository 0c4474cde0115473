"""What a unit asks of the machine it runs on: `[X-Fleet]`, read once into a record.

Rule 1: values are split first, then specifiers are expanded, then `Conflicts` is split
at white space (fleet 1.0).
Rule 2: the check of a new unit runs on the values as written, before specifiers.
Rule 3: older spellings count like the newer ones (`spelling.py` has them all).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from units.dropins import carries_drop_ins
from units.file import WHITE_SPACE, Option
from units.glob import glob_match
from units.name import expand
from units.quoting import quoted
from units.spelling import SECTION, SPELLINGS, near_miss, unknown_options

__all__ = [
    "EMPTY",
    "InvalidRequirements",
    "Requirements",
    "check_requirements",
    "near_miss",
    "split_values",
    "starts_first",
    "unknown_options",
]

_TRUE = frozenset({"true", "yes", "1", "on", "t"})
_WORD = re.compile(f"[^{WHITE_SPACE}]+")

Values = Mapping[str, Sequence[str]]


class InvalidRequirements(ValueError):
    """No machine could ever satisfy this unit; the message is the one fleet 1.0 gave."""


@dataclass(frozen=True, slots=True)
class Requirements:
    """What `[X-Fleet]` says. An empty `machine_id` is a requirement that no machine meets."""

    machine_id: str | None = None
    machine_of: tuple[str, ...] = ()
    metadata: tuple[tuple[str, frozenset[str]], ...] = ()
    conflicts: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    is_global: bool = False
    has_drop_ins: bool = False
    """The unit brings drop-ins: a section of its own, `[X-DropIn …]`, is what says so."""

    @classmethod
    def of(cls, name: str, options: Sequence[Option]) -> Requirements:
        """The requirements of the unit of this name, specifiers expanded."""
        values = _values(options)
        carries = carries_drop_ins(options)
        if not values and not carries:
            return EMPTY
        expanded = {key: [expand(value, name) for value in of] for key, of in values.items()}
        return replace(_requirements(expanded), has_drop_ins=carries)

    def metadata_met_by(self, metadata: Mapping[str, str]) -> bool:
        """Whether every key asked for is there, with one of the values asked for."""
        return all(metadata.get(key) in allowed for key, allowed in self.metadata)


EMPTY = Requirements()


def split_values(value: str) -> tuple[str, ...]:
    """The values of one line: several only if it both starts and ends with a quotation mark."""
    if not (value.startswith('"') and value.endswith('"')):
        return (value,)
    words = [""]
    for index, stretch in enumerate(value.split('"')):
        if index % 2:  # inside quotation marks
            words[-1] += stretch
        else:
            first, *others = stretch.split(" ")
            words[-1] += first
            words += others
    return tuple(words)


def starts_first(options: Sequence[Option]) -> bool:
    """`Handover=start-first`: when its host leaves, the unit stops there only once it runs elsewhere."""
    handover = list(_pooled(_values(options), "Handover"))
    return bool(handover) and handover[-1].lower() == "start-first"


def check_requirements(options: Sequence[Option]) -> None:
    """Raise InvalidRequirements with the first rule of fleet 1.0 that they break."""
    wants = _requirements(_values(options))
    for said in (*_unresolvable(wants), *_incompatible(wants)):
        raise InvalidRequirements(said)


def _values(options: Sequence[Option]) -> dict[str, list[str]]:
    """The values of each option of `[X-Fleet]`, split, in file order."""
    values: dict[str, list[str]] = {}
    for option in options:
        if option.section == SECTION:
            values.setdefault(option.name, []).extend(split_values(option.value))
    return values


def _requirements(values: Values) -> Requirements:
    global_values = list(_pooled(values, "Global"))
    return Requirements(
        machine_id=next(iter(_pooled(values, "MachineID")), None),
        machine_of=tuple(_pooled(values, "MachineOf")),
        metadata=_alternatives(_pooled(values, "MachineMetadata")),
        conflicts=tuple(word for value in _pooled(values, "Conflicts") for word in _WORD.findall(value)),
        replaces=tuple(_pooled(values, "Replaces")),
        is_global=bool(global_values) and global_values[-1].lower() in _TRUE,
    )


def _pooled(values: Values, option: str) -> Iterator[str]:
    for spelling in SPELLINGS[option]:
        yield from values.get(spelling, ())


def _alternatives(pairs: Iterator[str]) -> tuple[tuple[str, frozenset[str]], ...]:
    """The values allowed for each key, by key; what is not exactly `key=value` does not count."""
    allowed: dict[str, set[str]] = {}
    for pair in pairs:
        match pair.split("="):
            case [str(key), str(value)] if key and value:
                allowed.setdefault(key, set()).add(value)
    return tuple((key, frozenset(allowed[key])) for key in sorted(allowed))


def _unresolvable(wants: Requirements) -> Iterator[str]:
    for peer in wants.machine_of:
        for word, patterns in (("conflict", wants.conflicts), ("replace", wants.replaces)):
            for pattern in patterns:
                if glob_match(pattern, peer):
                    yield f"unresolvable requirements: peer {quoted(peer)} matches {word} {quoted(pattern)}"


_PRESENT: Mapping[str, Callable[[Requirements], bool]] = {
    "MachineID": lambda wants: wants.machine_id is not None,
    "Peers": lambda wants: bool(wants.machine_of),
    "Conflicts": lambda wants: bool(wants.conflicts),
    "Global": lambda wants: wants.is_global,
    "Replaces": lambda wants: bool(wants.replaces),
}
_NEVER_TOGETHER = (
    ("MachineID", "Peers"),
    ("MachineID", "Conflicts"),
    ("MachineID", "Global"),
    ("MachineID", "Replaces"),
    ("Global", "Peers"),
    ("Global", "Replaces"),
    ("Conflicts", "Replaces"),
)


def _incompatible(wants: Requirements) -> Iterator[str]:
    for one, other in _NEVER_TOGETHER:
        if _PRESENT[one](wants) and _PRESENT[other](wants):
            yield f"{one} cannot be used with {other}"
