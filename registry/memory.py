"""The registry in memory: for tests, and for whole clusters in one process under a virtual clock.

`MemoryStore` is the shared truth, `MemoryRegistry(store)` the connection of one daemon to it. What is
stored, guarded and read back is the same as in etcd v3, byte for byte. Leases last by the clock of the
event loop; `expire` and `depose` end them at once, `go_away` and `come_back` are an etcd that is down,
`lose_answer` is a request that timed out.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import assert_never

from registry.errors import Unavailable
from registry.keys import DEFAULT_PREFIX, Keys, Range
from registry.keyvalue.lease import Lease
from registry.keyvalue.registry import KeyValueRegistry
from registry.keyvalue.store import Stored
from registry.keyvalue.transactions import Delete, Guard, Outcome, Put, Relation, Trait, Transaction
from registry.port import Scope
from registry.records import Picture
from registry.tables import Change, Tables
from registry.window import Window

ABSENT = Stored(b"", 0, 0, 0)


class MemoryRegistry(KeyValueRegistry):
    """See `registry.port.Registry`."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store, store.keys)


class MemoryView:
    """See `registry.port.View`."""

    def __init__(self, store: MemoryStore, window: Window, ranges: tuple[Range, ...]) -> None:
        self._store = store
        self._window = window
        self._ranges = ranges

    @property
    def picture(self) -> Picture:
        return self._window.picture

    async def after(self, seen: Picture) -> Picture:
        return await self._window.after(seen)

    async def fresh(self) -> Picture:
        self._window.push((), await self._store.revision())
        return self._window.picture

    async def reached(self, revision: int) -> Picture:
        return await self.fresh() if revision <= self._store.newest else await self._reached_later(revision)

    def take(self, changes: list[Change], revision: int) -> None:
        """Take those of the store's changes that lie in this view's scope."""
        if mine := [change for change in changes if _covered(change.key, self._ranges)]:
            self._window.push(mine, revision)

    async def _reached_later(self, revision: int) -> Picture:
        await self._window.wait_revision(revision)
        return self._window.picture


@dataclass(slots=True)
class _Granted:
    """A lease as the store sees it."""

    ttl: float
    timer: asyncio.TimerHandle
    keys: set[str] = field(default_factory=set)
    holders: list[Lease] = field(default_factory=list)


class MemoryStore:
    """See `registry.keyvalue.store.Store`: the shared truth."""

    def __init__(self, prefix: str = DEFAULT_PREFIX) -> None:
        self.keys = Keys.under(prefix)
        self.newest = 1
        self.steady_since = -math.inf
        self._data: dict[str, Stored] = {}
        self._leases: dict[int, _Granted] = {}
        self._ids = count(0x1000)
        self._views: dict[MemoryView, None] = {}
        self._moved = asyncio.Event()
        self._back = asyncio.Event()
        self._back.set()
        self._answers_to_lose = 0
        self._held_back: list[tuple[list[Change], int]] = []

    # For tests

    def expire(self, machine_id: str) -> None:
        """End the lease of a machine, as if its host had died; KeyError if it is not present."""
        self._end(self._data[self.keys.machine(machine_id)].lease)

    def depose(self) -> None:
        """End the lease of the leader; KeyError if nobody leads."""
        self._end(self._data[self.keys.leader].lease)

    def go_away(self) -> None:
        """Answer nobody, and tell nobody of changes, until it comes back."""
        self._back.clear()
        for lease in self._leases.values():
            lease.timer.cancel()

    def come_back(self) -> None:
        """Answer again, give every lease its whole time as etcd does, and tell what happened meanwhile."""
        self._back.set()
        self.steady_since = asyncio.get_running_loop().time()
        for id, lease in self._leases.items():
            lease.timer = asyncio.get_running_loop().call_later(lease.ttl, self._end, id)
        held, self._held_back = self._held_back, []
        for changes, revision in held:
            self._tell(changes, revision)

    def lose_answer(self) -> None:
        """Carry out the next transaction as asked, but answer Unavailable: who asked cannot know."""
        self._answers_to_lose += 1

    def put(self, key: str, value: bytes) -> int:
        """Write what no fleet would; the key is the part after the prefix. Returns the revision."""
        self._apply(Transaction((), (Put(self.keys.prefix + key, value),)))
        return self.newest

    def dump(self) -> dict[str, bytes]:
        """All that is stored, by the part of the key after the prefix."""
        return {key.removeprefix(self.keys.prefix): stored.value for key, stored in self._data.items()}

    # The store

    async def commit(self, transaction: Transaction) -> Outcome:
        await self._answer()
        took_place = self._holds(transaction.guards)
        if took_place:
            self._apply(transaction)
        if self._answers_to_lose:
            self._answers_to_lose -= 1
            raise Unavailable("the answer of the store in memory was lost")
        return Outcome(took_place, self.newest)

    async def read(self, *keys: str) -> tuple[Stored | None, ...]:
        await self._answer()
        return tuple(self._data.get(key) for key in keys)

    async def revision(self) -> int:
        await self._answer()
        return self.newest

    async def wait_absent(self, key: str) -> None:
        await self._back.wait()
        while key in self._data:
            await self._moved.wait()
            await self._back.wait()

    async def grant(self, ttl: float) -> Lease:
        await self._answer()
        loop = asyncio.get_running_loop()
        id = next(self._ids)
        self._leases[id] = _Granted(ttl, loop.call_later(ttl, self._end, id))
        return self._held(id)

    async def adopt(self, id: int) -> Lease | None:
        return self._held(id) if await self.renew(id) else None

    async def renew(self, id: int) -> float:
        await self._answer()
        if (lease := self._leases.get(id)) is None:
            return 0.0
        lease.timer.cancel()
        lease.timer = asyncio.get_running_loop().call_later(lease.ttl, self._end, id)
        return lease.ttl

    async def revoke(self, id: int) -> None:
        await self._answer()
        self._end(id)

    @asynccontextmanager
    async def follow(self, keys: Keys, scope: Scope) -> AsyncIterator[MemoryView]:
        await self._back.wait()
        ranges = keys.ranges(scope)
        found = [Change(k, s.value, s.modified) for k, s in self._data.items() if _covered(k, ranges)]
        view = MemoryView(self, Window(Tables(keys).after(found, self.newest)), ranges)
        self._views[view] = None
        try:
            yield view
        finally:
            del self._views[view]

    async def close(self) -> None:
        """There is no connection."""

    async def _answer(self) -> None:
        """Let others go first, as every answer over a network does."""
        await asyncio.sleep(0)
        if not self._back.is_set():
            raise Unavailable("the store in memory has been sent away")

    def _held(self, id: int) -> Lease:
        granted = self._leases[id]
        lease = Lease(id, granted.ttl, asked_at=asyncio.get_running_loop().time(), renewer=self)
        granted.holders.append(lease)
        return lease

    def _holds(self, guards: tuple[Guard, ...]) -> bool:
        return all(_is_true(guard, self._data.get(guard.key, ABSENT)) for guard in guards)

    def _apply(self, transaction: Transaction) -> None:
        """Carry out what a transaction says, all of it at one revision."""
        changes = list(self._changes(transaction, self.newest + 1))
        if changes:
            self.newest += 1
            self._announce(changes)

    def _changes(self, transaction: Transaction, revision: int) -> Iterator[Change]:
        for operation in transaction.operations:
            match operation:
                case Put():
                    yield self._put(operation, revision)
                case Delete(key, tree):
                    gone = [k for k in self._data if k.startswith(key)] if tree else [key]
                    yield from (Change(k, None, revision) for k in gone if self._remove(k))
                case Transaction(guards):
                    if self._holds(guards):
                        yield from self._changes(operation, revision)
                case _:
                    assert_never(operation)

    def _put(self, put: Put, revision: int) -> Change:
        there = self._data.get(put.key)
        self._unhang(put.key)
        self._data[put.key] = Stored(put.value, there.created if there else revision, revision, put.lease)
        if put.lease:
            self._leases[put.lease].keys.add(put.key)
        return Change(put.key, put.value, revision)

    def _remove(self, key: str) -> bool:
        self._unhang(key)
        return self._data.pop(key, None) is not None

    def _unhang(self, key: str) -> None:
        stored = self._data.get(key)
        if stored is not None and stored.lease in self._leases:
            self._leases[stored.lease].keys.discard(key)

    def _end(self, id: int) -> None:
        """End a lease, with all that hangs on it, at one revision."""
        if (lease := self._leases.pop(id, None)) is None:
            return
        lease.timer.cancel()
        for holder in lease.holders:
            holder.give_up()
        self._apply(Transaction((), tuple(Delete(key) for key in sorted(lease.keys))))

    def _announce(self, changes: list[Change]) -> None:
        if self._back.is_set():
            self._tell(changes, self.newest)
        else:
            self._held_back.append((changes, self.newest))

    def _tell(self, changes: list[Change], revision: int) -> None:
        self._moved.set()
        self._moved.clear()
        for view in self._views:
            view.take(changes, revision)


def _covered(key: str, ranges: tuple[Range, ...]) -> bool:
    return any(part.covers(key) for part in ranges)


def _is_true(guard: Guard, stored: Stored) -> bool:
    actual = {Trait.CREATED: stored.created, Trait.MODIFIED: stored.modified, Trait.VALUE: stored.value}
    found, expected = actual[guard.trait], guard.expected
    match guard.relation:
        case Relation.EQUAL:
            return found == expected
        case Relation.GREATER:
            return found > expected  # type: ignore[operator]  # both are bytes, or both revisions
        case Relation.LESS:
            return found < expected  # type: ignore[operator]
