"""Tables of text, aligned with tabs exactly as fleet 1.0 aligned them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

TAB = 8


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table. All rows have the same number of cells; the last column is not padded."""
    if not rows:
        return []
    widths = [_width(column) for column in zip(*rows, strict=True)]
    return ["".join(map(_padded, row[:-1], widths)) + row[-1] for row in rows]


def _width(cells: Sequence[str]) -> int:
    """The longest cell and at least one blank, up to the next tab stop."""
    longest = max(map(len, cells)) + 1
    return -(-longest // TAB) * TAB


def _padded(cell: str, width: int) -> str:
    return cell + "\t" * -(-(width - len(cell)) // TAB)
