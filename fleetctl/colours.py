"""Colours by state, for people at a terminal. Pure, apart from `wanted`, which looks at the terminal."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TextIO

Paint = Callable[[int, str], str]
"""(column, cell) -> the cell as it is printed; it takes no more room than before."""

_GREEN, _YELLOW, _RED, _DIM, _MAGENTA = "32", "33", "31", "2", "35"
_BY_WORD = {
    _GREEN: "active running launched exited listening waiting mounted plugged",
    _YELLOW: "activating deactivating reloading refreshing auto-restart start start-pre start-post stop",
    _RED: "failed error not-found bad-setting masked",
    _DIM: "inactive dead loaded",
    _MAGENTA: "unknown",
}
_COLOUR = {word: colour for colour, words in _BY_WORD.items() for word in words.split()}
_NAMES = ("36", "35", "34", "33", "32", "96", "95", "94", "93", "92")
_STATES = frozenset({"active", "sub", "load", "dstate", "state"})


def wanted(setting: str, stream: TextIO) -> bool:
    """Whether to colour what goes to the stream: `always`, `never`, or `auto`."""
    if setting != "auto":
        return setting == "always"
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def painted(text: str, colour: str) -> str:
    """The text in a colour."""
    return f"\x1b[{colour}m{text}\x1b[0m" if text else text


def state(word: str) -> str:
    """The word of a state in its colour; others as they are."""
    colour = _COLOUR.get(word)
    return painted(word, colour) if colour else word


def name(text: str, number: int) -> str:
    """The text in one of a few colours that tell things apart."""
    return painted(text, _NAMES[number % len(_NAMES)])


def painter(columns: Sequence[str]) -> Paint:
    """Colours the cells of the columns that hold states."""
    return lambda column, cell: state(cell) if columns[column] in _STATES else cell
