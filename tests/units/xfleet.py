"""Options of `[X-Fleet]` as the tables of these tests write them: lines apart by ` / `."""

from __future__ import annotations

from units.file import Option, parse_options


def xfleet(lines: str) -> tuple[Option, ...]:
    """The options of a unit file with nothing but these lines in `[X-Fleet]`."""
    return parse_options("[X-Fleet]\n" + lines.replace(" / ", "\n") + "\n")
