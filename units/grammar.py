"""How a unit file reads: from text to an ordered list of options.

Rule 1: this is exactly the grammar of fleet 1.0 (not systemd's), or hashes would differ.
Rule 2: nothing is checked for meaning; comments and sections without options are lost.
Rule 3: over-long lines are refused when a file comes in, never when a stored one is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_LINE_BYTES = 2048

WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What fleet 1.0 takes for white space. (Python's own idea has U+001C to U+001F as well.)"""

_OUTSIDE = re.compile(r"[\[#;]")
_INSIDE = re.compile(f"[^{WHITE_SPACE}]")
_END_OF_NAME = re.compile(r"[=\r\n]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class InvalidUnitFile(ValueError):
    """The text is no unit file. `line` counts from 1; the message is the one fleet 1.0 gave."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Option:
    """One setting of a unit file, with the section it stands in."""

    section: str
    name: str
    value: str


def parse_options(text: str, *, strict: bool = True) -> tuple[Option, ...]:
    """The options of a unit file, in order; InvalidUnitFile where the grammar is broken.

    `strict` refuses lines of 2048 bytes and more, as is right for what comes in.
    """
    text = without_surrogates(text)
    too_long = _first_long_line(text) if strict else None
    try:
        options = tuple(_options(text))
    except InvalidUnitFile as error:
        if too_long is None or (error.line is not None and error.line < too_long):
            raise
        options = ()
    if too_long is not None:
        raise InvalidUnitFile(f"line too long (max {MAX_LINE_BYTES} bytes)", too_long)
    return options


def without_surrogates(text: str) -> str:
    """The text with U+FFFD for every code point that UTF-8 cannot hold."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _first_long_line(text: str) -> int | None:
    """The number of the first line that is too long; the very first may have one byte more."""
    data = text.encode()
    if len(data) < MAX_LINE_BYTES:
        return None
    number, allowed = 1, MAX_LINE_BYTES
    for line in data.splitlines(keepends=True):
        if len(line.rstrip(b"\r\n")) > allowed:
            return number
        number += line.endswith(b"\n")
        allowed = MAX_LINE_BYTES - 1
    return None


def _options(text: str) -> Iterator[Option]:
    section: str | None = None
    at = _next_item(text, 0, section)
    while at < len(text):
        match text[at]:
            case "[":
                section, at = _header(text, at)
            case "#" | ";":
                at = _end_of_comment(text, at)
            case _:
                name, at = _name(text, at)
                value, at = _value(text, at)
                yield Option(section or "", name, value)
        at = _next_item(text, at, section)


def _next_item(text: str, at: int, section: str | None) -> int:
    """Where the next header, comment or option begins. Before the first header all else is skipped."""
    found = (_OUTSIDE if section is None else _INSIDE).search(text, at)
    return found.start() if found else len(text)


def _header(text: str, at: int) -> tuple[str, int]:
    """The name of a section, taken as it is (newlines too), and what follows its line."""
    end = text.find("]", at)
    if end < 0:
        raise InvalidUnitFile("unable to find end of section", _line_number(text, at))
    rest, after = _rest_of_line(text, end + 1)
    if garbage := rest.strip(WHITE_SPACE):
        shown = " ".join(str(byte) for byte in garbage.encode())
        message = f"found garbage after section name : [{shown}]"
        raise InvalidUnitFile(message, _line_number(text, end))
    return text[at + 1 : end], after


def _end_of_comment(text: str, at: int) -> int:
    """What follows a comment. One that ends in a backslash (and one blank) hides the next line, too."""
    line, at = _rest_of_line(text, at)
    while line.removesuffix(" ").endswith("\\"):
        line, at = _rest_of_line(text, at)
    return at


def _name(text: str, at: int) -> tuple[str, int]:
    """The name of an option, and what follows its equals sign."""
    end = _END_OF_NAME.search(text, at)
    if end is None:
        raise InvalidUnitFile("EOF", _line_number(text, at))
    if end[0] != "=":
        message = "unexpected newline encountered while parsing option name"
        raise InvalidUnitFile(message, _line_number(text, at))
    return text[at : end.start()].strip(WHITE_SPACE), end.end()


def _value(text: str, at: int) -> tuple[str, int]:
    """The value of an option, and what follows it."""
    line, after = _rest_of_line(text, at)
    if line.endswith("\\"):
        return _continued_value(text, at)
    return line.strip(WHITE_SPACE), after


def _continued_value(text: str, at: int) -> tuple[str, int]:
    """A value of several lines: backslashes, newlines and indentation all stay in it."""
    lines: list[str] = []
    more = True
    while more:
        line, at = _rest_of_line(text, at)
        if not line.strip(WHITE_SPACE):
            break
        more = line.endswith("\\")
        lines.append(line + "\n" if more and text[at - 1] == "\n" else line)
    value = "".join(lines)
    return value.strip(WHITE_SPACE) + ("\n" if value.endswith("\n") else ""), at


def _rest_of_line(text: str, at: int) -> tuple[str, int]:
    """The rest of a line without its newline, and where the next line begins."""
    end = text.find("\n", at)
    return (text[at:], len(text)) if end < 0 else (text[at:end], end + 1)


def _line_number(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
