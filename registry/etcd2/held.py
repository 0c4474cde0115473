"""A key that somebody holds for a time and keeps writing: a machine's presence, the leader's lease.

Rule 1: it is written only if it is as we left it, so it is never taken from somebody else by mistake.
Rule 2: a write that was thought to have failed but took place is recognised by what it wrote.
"""

from __future__ import annotations

import asyncio
from typing import Final

from registry.etcd2.client import Answer, Client
from registry.etcd2.faults import COMPARE_FAILED
from registry.etcd2.nodes import Node

TRIES: Final = 3


def whole(ttl: float) -> int:
    """The time to live that etcd v2 takes for so many seconds: fractions dropped (1.0), at least 1."""
    return max(1, int(ttl))


class HeldKey:
    """One such key. See `registry.keyvalue.lease.Renewer`; the id of its lease is `created`."""

    def __init__(self, client: Client, path: str, node: Node, *, ttl: float) -> None:
        self.path: Final = path
        self.ttl: Final = whole(ttl)
        self.created: Final = node.created
        self.value = node.value
        self._written = {node.value}
        self._client = client
        self._since = self._modified = node.modified
        self._writing = asyncio.Lock()

    async def renew(self, id: int) -> float:
        """Write it again. The seconds it lasts from now, 0 if it is gone or somebody else's."""
        return float(self.ttl) if await self._put(self.value) else 0.0

    async def change(self, value: str) -> bool:
        """Write another value; False if it is no longer ours."""
        return await self._put(value)

    async def revoke(self, id: int) -> None:
        """Remove it, if it is ours."""
        async with self._writing:
            for _ in range(TRIES):
                answer = await self._client.delete(self.path, prevIndex=self._modified)
                if answer.code != COMPARE_FAILED or not await self._find():
                    return

    async def is_ours(self) -> bool:
        """Whether it is ours now, by the quorum."""
        return self.is_same((await self._client.get(self.path)).node)

    def is_lost(self, node: Node | None, index: int) -> bool:
        """Whether what was seen of it at an index shows that it is no longer ours."""
        return index >= self._since and not self.is_same(node)

    def is_same(self, node: Node | None) -> bool:
        """Whether a node is what we hold, or held: what is seen may be older than our last word."""
        if node is None or node.created != self.created:
            return False
        return node.modified <= self._modified or node.value in self._written

    async def _put(self, value: str) -> bool:
        async with self._writing:
            self._written.add(value)
            for _ in range(TRIES):
                answer = await self._client.put(self.path, value, ttl=self.ttl, prevIndex=self._modified)
                if answer.took_place:
                    return self._note(answer, value)
                if answer.code != COMPARE_FAILED or not await self._find():
                    return False
            return False

    def _note(self, answer: Answer, value: str) -> bool:
        self._modified, self.value = answer.index, value
        self._written = {value}
        return True

    async def _find(self) -> bool:
        """See whether it is ours though it was written meanwhile: by an earlier word of our own."""
        node = (await self._client.get(self.path)).node
        if node is None or not self.is_same(node):
            return False
        self._modified = node.modified
        return True
