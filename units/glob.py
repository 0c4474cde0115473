"""The patterns of `Conflicts` and `Replaces`: Go's path.Match, as in fleet 1.0.

Rule 1: a pattern matches the whole name; a malformed one matches nothing.
Rule 2: no pattern is slow. A `*` takes the first fit and never looks back, as in
the original, so a pattern full of stars cannot stall the scheduler.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

_LITERAL = re.compile(r"(?:[^*?\[\\]|\\.)*", re.DOTALL)
_PLAIN = re.compile(r"[^*?\[\\]*")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MEMBER = r"(?:\\.|[^\\\]\-])"
_RANGE = re.compile(rf"({_MEMBER})(?:-({_MEMBER}))?", re.DOTALL)
_TOKEN = re.compile(
    r"(?P<star>\*+)"
    r"|(?P<one>\?)"
    rf"|\[(?P<negated>\^?+)(?P<members>(?:{_MEMBER}-{_MEMBER}|{_MEMBER})+)\]"
    r"|\\(?P<escaped>.)"
    r"|(?P<itself>[^*?\[\\])",
    re.DOTALL,
)

_ANY_CHARACTER = r"[\s\S]"
_NO_CHARACTER = r"(?!)"


class _Malformed(Exception):
    """The pattern breaks off, or holds a class that is none."""


def glob_match(pattern: str, name: str) -> bool:
    """Whether the pattern matches the whole name."""
    return compile_glob(pattern)(name)


@lru_cache(maxsize=16384)
def compile_glob(pattern: str) -> Callable[[str], bool]:
    """A function that says whether a name matches the pattern; it is kept for the next call."""
    if (literal := literal_of(pattern)) is not None:
        return literal.__eq__
    try:
        fullmatch = re.compile(_translated(pattern)).fullmatch
    except _Malformed:
        return lambda name: False
    return lambda name: fullmatch(name) is not None


def literal_of(pattern: str) -> str | None:
    """The one name that a pattern without `*`, `?` and classes can match; None for all others."""
    return _ESCAPED.sub(r"\1", pattern) if _LITERAL.fullmatch(pattern) else None


def prefix_of(pattern: str) -> str:
    """What every name that the pattern matches begins with, as far as that is easily said."""
    found = _PLAIN.match(pattern)
    return found[0] if found else ""


def _translated(pattern: str) -> str:
    """The pattern as a regular expression that has to match all of a name."""
    first, *others = _between_stars(pattern)
    if not others:
        return first
    *middle, last = others
    return first + "".join(f"(?>[^/]*?{part})" for part in middle) + "[^/]*?" + last


def _between_stars(pattern: str) -> Iterator[str]:
    """The regular expressions of the stretches before, between and after the stars."""
    stretch = ""
    at = 0
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if token is None:
            raise _Malformed
        at = token.end()
        if token["star"]:
            yield stretch
            stretch = ""
        else:
            stretch += _one_character(token)
    yield stretch


def _one_character(token: re.Match[str]) -> str:
    if token["one"]:
        return "[^/]"
    if token["members"]:
        return _one_of(token["members"], negated=bool(token["negated"]))
    return re.escape(token["escaped"] or token["itself"])


def _one_of(members: str, *, negated: bool) -> str:
    """A class. A range that runs backwards holds no character, which is allowed."""
    held = ""
    for low, high in _RANGE.findall(members):
        first, last = low[-1], (high or low)[-1]  # without a backslash before them
        if first <= last:
            held += f"{re.escape(first)}-{re.escape(last)}"
    if not held:
        return _ANY_CHARACTER if negated else _NO_CHARACTER
    return f"[{'^' if negated else ''}{held}]"
