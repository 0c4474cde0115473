"""Tables of text, aligned with tabs exactly as fleet 1.0 aligned them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

TAB = 8


def _plain(column: int, cell: str) -> str:
    return cell


def aligned(rows: Sequence[Sequence[str]], paint: Callable[[int, str], str] = _plain) -> list[str]:
    """The lines of a table. All rows have the same number of cells; the last column is not padded.

    `paint` may dress up a cell, given its column, as long as it takes no more room.
    """
    if not rows:
        return []
    widths = [*map(_width, list(zip(*rows, strict=True))[:-1]), 0]
    return ["".join(_dressed(row, widths, paint)) for row in rows]


def _dressed(row: Sequence[str], widths: Sequence[int], paint: Callable[[int, str], str]) -> list[str]:
    return [paint(at, cell) + _gap(cell, widths[at]) for at, cell in enumerate(row)]


def _width(cells: Sequence[str]) -> int:
    """The longest cell and at least one blank, up to the next tab stop."""
    longest = max(map(len, cells)) + 1
    return -(-longest // TAB) * TAB


def _gap(cell: str, width: int) -> str:
    return "\t" * -(-(width - len(cell)) // TAB) if width else ""
