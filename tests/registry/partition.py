"""Members of etcd that reach each other through cables, so that one can be cut off from the others alone.

Clients still reach it: it goes on answering what it can answer by itself.
"""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from tests.registry.cable import Cable, healed
from tests.registry.members import Cluster, Member


class PeerCable(Cable):
    """The way to one member, which can be closed to another one alone."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._shunned = b""

    async def shun(self, words: bytes) -> None:
        """From now on end every connection on which somebody says these words; those that are there end."""
        self._shunned = words
        await self.cut()
        await self.heal()

    async def _pumped(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: bool
    ) -> None:
        if not answers and self._shunned:
            head = b""
            with suppress(OSError, asyncio.IncompleteReadError):
                head = await reader.readuntil(b"\r\n\r\n")
            if self._shunned in head:
                writer.transport.abort()
                return
            writer.write(head)
        await super()._pumped(reader, writer, answers)


class Divisible:
    """A cluster of three members."""

    def __init__(self, cluster: Cluster, cables: Sequence[PeerCable]) -> None:
        self.cluster = cluster
        self._cables = cables

    @property
    def urls(self) -> tuple[str, ...]:
        return self.cluster.urls

    async def cut_off(self, member: Member) -> None:
        """Part a member from the others, in both directions."""
        own = self.cluster.members.index(member)
        said = f"X-Server-From: {await asyncio.to_thread(_id, member):x}".encode()
        await self._cables[own].cut()
        for cable in (*self._cables[:own], *self._cables[own + 1 :]):
            await cable.shun(said)


@asynccontextmanager
async def divisible(options: Sequence[str]) -> AsyncIterator[Divisible]:
    """Three members that can be parted, gone when the context ends."""
    cluster = Cluster(3, options)
    try:
        async with AsyncExitStack() as stack:
            cables = []
            for member in cluster.members:
                cable = PeerCable(member.listen_peer_url)
                await stack.enter_async_context(healed(cable))
                member.peer_url = cable.url
                cables.append(cable)
            await asyncio.to_thread(cluster.start)
            yield Divisible(cluster, cables)
    finally:
        cluster.close()


def _id(member: Member) -> int:
    """The ID of a member, as it says it to the others."""
    request = urllib.request.Request(f"{member.client_url}/v3/maintenance/status", b"{}")
    with urllib.request.urlopen(request, timeout=5) as answer:
        return int(json.load(answer)["header"]["member_id"])
