"""ssh_config, read as ssh reads it: which options hold for a host (ssh_config(5)).

Rule 1: the first value of an option holds; only files with keys add up.
Rule 2: an Include counts where it stands: in a block that does not hold, nothing of it does either.
"""

from __future__ import annotations

import getpass
import glob
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from fleetctl.errors import SshError

_LINE = re.compile(r"(\w+)(?:\s*=\s*|\s+)(.*)")
_ADD_UP = frozenset({"identityfile"})
_DEPTH = 16
"""So deep may files include each other."""

Options = Mapping[str, Sequence[str]]
"""By lower-case name, the words of the option's value; of options that add up, one for each."""


def options_of(host: str, path: Path, user: str = "", *, otherwise: str = "") -> Options:
    """The options of a host, for a user if one is given. Without the file there are none. Raises SshError.

    `otherwise` is the user where the file names none, by default the one that we are.
    """
    reader = _Reader(host, user, otherwise)
    reader.read(path, holds=True, depth=0)
    return reader.found


class _Reader:
    def __init__(self, host: str, user: str, otherwise: str) -> None:
        self._host = host
        self._otherwise = otherwise
        self.found: dict[str, list[str]] = {"user": [user]} if user else {}

    def read(self, path: Path, *, holds: bool, depth: int) -> None:
        """Take in one file. Raises SshError, which names it and the line."""
        try:
            lines = path.read_text(errors="replace").splitlines()
        except OSError:  # as ssh does with a file that is not there, or not for us
            return
        in_block = holds
        for number, line in enumerate(lines, 1):
            try:
                if (split := _split(line)) is None:
                    continue
                name, words = split
                if name == "host":
                    in_block = holds and patterns_match(words, self._host)
                elif name == "match":
                    in_block = holds and self._met(words)
                elif name == "include":
                    self._include(words, path, holds=in_block, depth=depth)
                elif in_block:
                    self._take(name, words)
            except ValueError as error:
                raise SshError(f"{path}:{number}: {error}") from None

    def _take(self, name: str, words: list[str]) -> None:
        if name in _ADD_UP:
            self.found.setdefault(name, []).extend(words)
        else:
            self.found.setdefault(name, words)

    def _include(self, patterns: Sequence[str], path: Path, *, holds: bool, depth: int) -> None:
        if depth >= _DEPTH:
            raise ValueError("files include each other too deep")
        for pattern in patterns:
            where = Path("~/.ssh").expanduser() / os.path.expanduser(pattern)  # noqa: PTH111
            for found in sorted(glob.glob(str(where))):  # noqa: PTH207
                self.read(Path(found), holds=holds, depth=depth + 1)

    def _met(self, words: Sequence[str]) -> bool:
        """Whether all criteria of a Match hold."""
        rest, held = iter(words), True
        for word in rest:
            held = self._one_met(word, rest, held)
        return held

    def _one_met(self, word: str, rest: Iterator[str], held: bool) -> bool:
        kind = word.removeprefix("!").lower()
        if kind in ("all", "final", "canonical"):  # names are never made canonical here
            return held and (kind != "canonical") != word.startswith("!")
        if (meant := _CRITERIA.get(kind)) is None:
            raise ValueError(f"Match {word} is not supported")
        if (argument := next(rest, None)) is None:
            raise ValueError(f"Match {word} needs an argument")
        return held and meant(self, argument) != word.startswith("!")

    def _exec(self, line: str) -> bool:
        line = expanded(line, self.tokens())
        return subprocess.run(line, shell=True, stdin=subprocess.DEVNULL, check=False).returncode == 0

    def tokens(self) -> dict[str, str]:
        """What `%h` and so on stand for by now."""
        return tokens(self._host, self.found, self._otherwise)


_CRITERIA: Mapping[str, Callable[[_Reader, str], bool]] = {
    "host": lambda reader, argument: patterns_match(argument.split(","), reader.tokens()["h"]),
    "originalhost": lambda reader, argument: patterns_match(argument.split(","), reader.tokens()["n"]),
    "user": lambda reader, argument: patterns_match(argument.split(","), reader.tokens()["r"]),
    "localuser": lambda reader, argument: patterns_match(argument.split(","), reader.tokens()["u"]),
    "exec": lambda reader, argument: reader._exec(argument),
}


def _split(line: str) -> tuple[str, list[str]] | None:
    """The option of a line and its words; None if there is none. Raises ValueError."""
    line = line.strip()
    if not line or line.startswith("#"):
        return None
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"{line!r} is no option with a value")
    name, value = found[1].lower(), found[2]
    return name, [value] if name == "proxycommand" else shlex.split(value)


def patterns_match(patterns: Sequence[str], text: str) -> bool:
    """Whether one of the patterns (`*` and `?`) matches, and none of those with a `!`."""
    met = [p.startswith("!") for p in patterns if _glob_match(p.removeprefix("!"), text)]
    return bool(met) and not any(met)


def _glob_match(pattern: str, text: str) -> bool:
    words = {"*": ".*", "?": "."}
    return re.fullmatch("".join(words.get(c) or re.escape(c) for c in pattern), text) is not None


def tokens(host: str, found: Options, otherwise: str = "") -> dict[str, str]:
    """What stands behind a `%` in values, once these options are known."""
    us = getpass.getuser()
    known = {"n": host, "u": us, "d": os.path.expanduser("~"), "%": "%", "h": host}  # noqa: PTH111
    known["h"] = expanded(_first(found, "hostname") or host, known)
    return {**known, "p": _first(found, "port") or "22", "r": _first(found, "user") or otherwise or us}


def _first(found: Options, name: str) -> str:
    return next(iter(found.get(name, ())), "")


def expanded(value: str, known: Mapping[str, str]) -> str:
    """The value with `%h` and `${HOME}` replaced; what is not known stays."""
    value = re.sub(r"%(.)", lambda found: known.get(found[1], found[0]), value)
    return re.sub(r"\$\{(\w+)\}", lambda found: os.environ.get(found[1], ""), value)
