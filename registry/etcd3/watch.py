"""One stream of changes from one member of etcd. Whoever reads it opens the next when it breaks.

Rule 1: per range every change after the start is given once, in order, those of one revision together.
Rule 2: between ranges there is no order: a member sends what happened in one transaction range by range,
        and while it catches up with the start one range may be far ahead of another.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import grpc.aio

from registry.errors import RegistryError
from registry.etcd3.client import Client
from registry.etcd3.faults import FAULTS, Cancelled, EndedEarly
from registry.etcd3.history import History
from registry.etcd3.messages import bounds
from registry.keys import Range
from registry.tables import Change

DELETE: Final = 1


@dataclass(frozen=True, slots=True)
class News:
    """Changes in one of the ranges that are watched, up to a revision."""

    part: int
    changes: tuple[Change, ...]
    revision: int


class Watch:
    """A stream that is open on some ranges."""

    def __init__(self, client: Client, ranges: Sequence[Range], start: int) -> None:
        """`start` is the first revision that is not known yet."""
        self.history = History(0, 0, 0)
        self._client = client
        self._ranges = ranges
        self._start = start
        self._turn, self._address = client.channels.turn, client.channels.address
        self._stream: Any = None
        self._parts: dict[int, int] = {}
        self._early: deque[Any] = deque()

    async def __aenter__(self) -> Watch:
        try:
            async with asyncio.timeout(self._client.timeout):
                await self._open()
        except FAULTS as error:
            self.close()
            raise self._broken(error) from error
        self._client.contact.answered(self._address)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    async def next(self) -> News:
        """The next changes. Raises Unavailable when the stream is broken, Refused, Compacted."""
        try:
            while True:
                answer = self._early.popleft() if self._early else await self._read()
                if answer.events:
                    changes = tuple(_change(event) for event in answer.events)
                    return News(self._parts[answer.watch_id], changes, changes[-1].revision)
        except FAULTS as error:
            raise self._broken(error) from error

    def close(self) -> None:
        """End the stream; nothing more is read from it."""
        if self._stream is not None:
            self._stream.cancel()

    async def _open(self) -> None:
        self._stream = await self._client.stream("Watch.Watch")
        for part in self._ranges:
            await self._stream.write(self._creation(part))
        while len(self._parts) < len(self._ranges):
            answer = await self._read()
            if answer.created:
                self._parts[answer.watch_id] = len(self._parts)
                self.history = History.of(answer.header)
            else:
                self._early.append(answer)

    def _creation(self, part: Range) -> Any:
        stubs = self._client.stubs
        key, end = bounds(part)
        creation = stubs.WatchCreateRequest(key=key, range_end=end, start_revision=self._start)
        return stubs.WatchRequest(create_request=creation)

    async def _read(self) -> Any:
        answer = await self._stream.read()
        if answer is grpc.aio.EOF:
            raise EndedEarly
        if answer.canceled:
            raise Cancelled(answer.cancel_reason, answer.compact_revision)
        return answer

    def _broken(self, error: BaseException) -> RegistryError:
        return self._client.broken_stream(error, self._turn, self._address)


def _change(event: Any) -> Change:
    kv = event.kv
    value = None if event.type == DELETE else kv.value
    return Change(kv.key.decode(errors="backslashreplace"), value, kv.mod_revision)
