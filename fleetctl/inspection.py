"""Everything that is wrong with a unit file, each with its line. Pure.

Rule 1: one error does not hide the next: a line that breaks the grammar is left out and the rest is read.
Rule 2: a warning is about what fleet stores but does nothing about.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from units.dropins import check_drop_ins, with_drop_ins
from units.file import InvalidUnitFile, Option, parse_options
from units.name import InvalidName, check_name
from units.requirements import (
    InvalidRequirements,
    check_requirements,
    near_miss,
    split_values,
    unknown_options,
)
from units.spelling import SECTION, SPELLINGS

_BOOLEANS = frozenset({"true", "yes", "1", "on", "t", "false", "no", "0", "off", "f"})


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """What is wrong. Lines count from 1; 0 is the file as a whole."""

    path: str
    line: int
    said: str
    is_warning: bool = False

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        return f"{where}: {'warning: ' if self.is_warning else ''}{self.said}"


def problems(path: str, name: str, text: str, drop_ins: Mapping[str, str] | None = None) -> list[Problem]:
    """Everything that is wrong with the file of the unit of this name, in the order of its lines.

    `drop_ins` are the texts of its drop-ins, by path.
    """
    broken, options = _read(path, text)
    found = [*broken, *_of_name(path, name)]
    if not options and not broken:
        found.append(Problem(path, 0, "it is empty: it holds no options"))
    found += _of_requirements(path, options, text)
    found += _of_options(path, options, text)
    found += _of_sections(path, options)
    found += _of_drop_ins(options, drop_ins or {})
    return sorted(found)


def _of_drop_ins(options: Sequence[Option], texts: Mapping[str, str]) -> Iterator[Problem]:
    """What is wrong with drop-ins, and with what they say to the cluster beside what was said before."""
    told = {problem.said for problem in _of_requirements("", options, "")}
    for path, text in texts.items():
        broken, own = _read(path, text)
        drop_in = {posixpath.basename(path): own}
        yield from (*broken, *_of_options(path, own, text), *_of_sections(path, with_drop_ins((), drop_in)))
        options = with_drop_ins(options, drop_in)
        for problem in _of_requirements(path, options, text):
            if problem.said not in told:
                told.add(problem.said)
                yield problem


def _read(path: str, text: str) -> tuple[list[Problem], tuple[Option, ...]]:
    """The problems of grammar, and the options of all other lines."""
    found: list[Problem] = []
    lines = text.split("\n")
    while True:
        try:
            return found, parse_options("\n".join(lines))
        except InvalidUnitFile as error:
            number = error.line or 0
            found.append(Problem(path, number, str(error)))
            if not 0 < number <= len(lines) or not lines[number - 1]:
                return found, ()
            lines[number - 1] = ""


def _of_name(path: str, name: str) -> Iterator[Problem]:
    try:
        check_name(name)
    except InvalidName as error:
        yield Problem(path, 0, f'{error} ("{name}")')


def _of_requirements(path: str, options: Sequence[Option], text: str) -> Iterator[Problem]:
    """The rules are about two options of [X-Fleet] each: so any two are looked at together."""
    ours = [option for option in options if option.section == SECTION]
    told: set[str] = set()
    for pair in combinations(dict.fromkeys(option.name for option in ours), 2):
        try:
            check_requirements([option for option in ours if option.name in pair])
        except InvalidRequirements as error:
            if str(error) not in told:
                told.add(str(error))
                yield Problem(path, max(line_of(name, text) for name in pair), str(error))


def _of_options(path: str, options: Sequence[Option], text: str) -> Iterator[Problem]:
    for name in unknown_options(options):
        meant = near_miss(name)
        hint = f': did you mean "{meant}"?' if meant else ", which does nothing"
        said = f'unknown option "{name}" in [X-Fleet]{hint}'
        yield Problem(path, line_of(name, text), said, is_warning=meant is None)
    for option in options:
        if option.section == SECTION:
            yield from (Problem(path, line_of(option.name, text), said) for said in _of_values(option))


def _of_sections(path: str, options: Sequence[Option]) -> Iterator[Problem]:
    try:
        check_drop_ins(options)
    except InvalidUnitFile as error:
        yield Problem(path, 0, str(error))


def _of_values(option: Option) -> Iterator[str]:
    for value in split_values(option.value):
        if option.name in SPELLINGS["MachineMetadata"] and not _is_pair(value):
            yield f'{option.name}: "{value}" is not KEY=VALUE'
        if option.name == "Global" and value.lower() not in _BOOLEANS:
            yield f'Global: "{value}" is neither true nor false'


def _is_pair(value: str) -> bool:
    return value.count("=") == 1 and not value.startswith("=") and not value.endswith("=")


def place_of(option: str, texts: Iterable[tuple[str, str]]) -> str | None:
    """`PATH:LINE` of an option of [X-Fleet], in the first of these files (path, text) that has it."""
    found = ((path, _line(option, text)) for path, text in texts)
    return next((f"{path}:{line}" for path, line in found if line), None)


def line_of(option: str, text: str) -> int:
    """The line on which an option of [X-Fleet] stands, 1 if it is not found."""
    return _line(option, text) or 1


def _line(option: str, text: str) -> int | None:
    begin = max(text.find(f"[{SECTION}]"), 0)
    found = re.search(rf"^[ \t]*{re.escape(option)}[ \t]*=", text[begin:], re.MULTILINE)
    return text.count("\n", 0, begin + found.start()) + 1 if found else None
