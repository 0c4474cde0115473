"""A view of a scope, over the mirror."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from registry.etcd2.mirror import Mirror, News
from registry.etcd2.tables import Flaw, LayoutTables
from registry.port import Everything, Scope
from registry.records import Picture
from registry.tables import Change
from registry.window import Window


class LayoutView:
    """See `registry.port.View`."""

    def __init__(self, mirror: Mirror, scope: Scope) -> None:
        self._mirror = mirror
        self._scope = scope
        self._ranges = mirror.keys.ranges(scope)
        self._window = Window(self._anew())

    @property
    def picture(self) -> Picture:
        return self._window.picture

    async def after(self, seen: Picture) -> Picture:
        return await self._window.after(seen)

    async def fresh(self) -> Picture:
        await self._mirror.fresh()
        return self._window.picture

    async def reached(self, revision: int) -> Picture:
        await self._mirror.reach(revision)
        return self._window.picture

    def hear(self, news: News) -> None:
        """Take what has changed in this view's scope."""
        if news.is_another_past:
            self._window.replace(self._anew())
        else:
            self._window.push(tuple(self._mine(news.changes)), news.index)

    def _anew(self) -> LayoutTables:
        translator = self._mirror.translator
        empty = LayoutTables(self._mirror.keys, library=translator.files)
        return empty.after(self._mine(translator.everything()), self._mirror.index)

    def _mine(self, changes: Iterable[Change]) -> Iterator[Change]:
        """Those of the changes that lie in the scope. Flawed units are everybody's: none may touch them."""
        jobs = f"{self._mirror.keys.prefix}job/"
        for change in changes:
            if (
                isinstance(change, Flaw)
                and (isinstance(self._scope, Everything) or change.key.startswith(jobs))
            ) or any(part.covers(change.key) for part in self._ranges):
                yield change
