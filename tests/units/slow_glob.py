"""Globs once more, the way the original walked them: the yardstick for the fast ones.

It shares no code with them.
"""

from __future__ import annotations


class Broken(Exception):
    """The pattern is malformed."""


def slow_match(pattern: str, name: str) -> bool:
    """Whether the pattern matches the whole name; a malformed one matches nothing."""
    try:
        return _match(pattern, name)
    except Broken:
        return False


def _match(pattern: str, name: str) -> bool:
    while pattern:
        star, chunk, pattern = _next_chunk(pattern)
        if star and not chunk:
            return "/" not in name
        rest = _first_fit(chunk, name, star=star, last=not pattern)
        if rest is None:
            return False
        name = rest
    return not name


def _next_chunk(pattern: str) -> tuple[bool, str, str]:
    """Whether a star comes first, what follows it up to the next star, and what is left."""
    bare = pattern.lstrip("*")
    in_class, at = False, 0
    while at < len(bare) and (in_class or bare[at] != "*"):
        if bare[at] == "\\":
            at += 1
        elif bare[at] in "[]":
            in_class = bare[at] == "["
        at += 1
    return bare != pattern, bare[:at], bare[at:]


def _first_fit(chunk: str, name: str, *, star: bool, last: bool) -> str | None:
    """What is left of the name after the first place where the chunk fits."""
    for skipped in range(len(name) + 1):
        rest = _fits(chunk, name[skipped:])
        if rest is not None and not (last and rest):
            return rest
        if not star or name[skipped : skipped + 1] == "/":
            return None
    return None


def _fits(chunk: str, name: str) -> str | None:
    """What is left of the name when the chunk fits at its beginning."""
    while chunk:
        if not name:
            return None
        char, name = name[0], name[1:]
        if chunk[0] == "[":
            fits, chunk = _class(chunk[1:], char)
        elif chunk[0] == "?":
            fits, chunk = char != "/", chunk[1:]
        else:
            chunk = chunk[1:] if chunk[0] == "\\" else chunk
            if not chunk:
                raise Broken
            fits, chunk = chunk[0] == char, chunk[1:]
        if not fits:
            return None
    return name


def _class(chunk: str, char: str) -> tuple[bool, str]:
    """Whether the class holds the character, and what follows the class."""
    wanted = not chunk.startswith("^")
    chunk = chunk if wanted else chunk[1:]
    inside, ranges = False, 0
    while not (chunk.startswith("]") and ranges):
        low, chunk = _member(chunk)
        high = low
        if chunk[0] == "-":
            high, chunk = _member(chunk[1:])
        inside = inside or low <= char <= high
        ranges += 1
    return inside is wanted, chunk[1:]


def _member(chunk: str) -> tuple[str, str]:
    if not chunk or chunk[0] in "-]":
        raise Broken
    chunk = chunk[1:] if chunk[0] == "\\" else chunk
    if len(chunk) < 2:
        raise Broken
    return chunk[0], chunk[1:]
