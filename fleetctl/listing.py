"""A list as it was asked for: which columns, in which form, once or again whenever it changes.

Rule 1: what is printed to a pipe or a file without `-o` is byte for byte what fleet 1.0 printed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic

from fleetctl.columns import Item, Shown, Table
from fleetctl.output import Stop, complain
from fleetctl.session import Session
from fleetctl.tables import aligned

_HOME_AND_CLEAR = "\x1b[H\x1b[J"


@dataclass(frozen=True, slots=True)
class How:
    """The flags that all lists have."""

    fields: str
    full: bool = False
    no_legend: bool = False
    output: str = ""
    watch: bool = False


class Listing(Generic[Item]):
    """One list; checked before the API is contacted. Raises Stop."""

    def __init__(self, table: Table[Item], how: How) -> None:
        fields = table.wide if how.output == "wide" and how.fields == table.default else how.fields
        self.columns = _columns(table, fields)
        self._table = table
        self._how = how

    def show(self, session: Session, look: Callable[[], Sequence[Item]]) -> None:
        """Print what `look` brings; with --watch whenever it is another, until interrupted."""
        shown = self._text(session, look())
        self._write(shown)
        if not self._how.watch:
            return
        from fleetctl.changes import POLL, TOGETHER, Changes

        changes = Changes(session.api)
        while True:
            changes.wait(POLL if changes.polls else None)
            time.sleep(TOGETHER)
            session.forget()
            try:
                text = self._text(session, look())
            except Stop as stop:  # the cluster is away for a while
                complain(stop.said)
                continue
            if text != shown:
                shown = text
                self._write(shown)

    def _write(self, text: str) -> None:
        if self._how.watch and sys.stdout.isatty() and not self._is_data:
            text = _HOME_AND_CLEAR + text
        elif self._how.watch and not self._is_data:
            text += "\n"
        sys.stdout.write(text)
        sys.stdout.flush()

    @property
    def _is_data(self) -> bool:
        return self._how.output in ("json", "yaml")

    def _text(self, session: Session, items: Sequence[Item]) -> str:
        placed = any(map(self._table.machine, items))
        machines = session.machines() if placed and self._shows_machines() else ()
        shown = Shown(self._how.full or self._how.output == "wide", machines)
        return "".join(f"{line}\n" for line in self._lines(session, items, shown))

    def _shows_machines(self) -> bool:
        shows_places = not self._table.needing_machines.isdisjoint(self.columns)
        return self._is_data or (self._how.output != "name" and shows_places)

    def _lines(self, session: Session, items: Sequence[Item], shown: Shown) -> Iterable[str]:
        if self._how.output == "name":
            return dict.fromkeys(self._table.name(item) for item in items)
        if self._is_data:
            from fleetctl.formats import rendered

            records = [self._table.record(item, shown) for item in items]
            return [rendered(self._how.output, records, compact=self._how.watch)]
        header = [] if self._how.no_legend else [[name.upper() for name in self.columns]]
        rows = [*header, *self._table.rows(items, self.columns, shown)]
        if not session.colours:
            return aligned(rows)
        from fleetctl.colours import painter

        return aligned(rows, painter(self.columns))


def _columns(table: Table[Item], fields: str) -> list[str]:
    if not fields:
        raise Stop("Must define output format")
    try:
        return table.chosen(fields)
    except ValueError as error:
        raise Stop(f'Invalid key in output format: "{error}"') from None
