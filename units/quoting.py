"""How a word that someone gave us is shown inside a message.

Rule: what is printed can never move a cursor or break a line (fleet 1.0 quoted
with Go's ``%q``, and its messages are part of the API).
"""

from __future__ import annotations

_NAMED = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
}


def quoted(text: str, mark: str = '"') -> str:
    """The text between quotation marks, with everything unprintable escaped."""
    return mark + "".join(_shown(char, mark) for char in text) + mark


def _shown(char: str, mark: str) -> str:
    if char == mark:
        return "\\" + mark
    if char in _NAMED:
        return _NAMED[char]
    return char if char.isprintable() else _code(ord(char))


def _code(point: int) -> str:
    if point < 0x80:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
