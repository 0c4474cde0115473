"""A long poll whose head has come, and which ends before the change that the head already counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from registry.errors import Unavailable
from registry.etcd2.client import Client
from registry.etcd2.door import Trust
from registry.settings import Endpoint
from tests.registry.world import soon

HEAD = b"HTTP/1.1 200 OK\r\nX-Etcd-Index: 55\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


@asynccontextmanager
async def head_only(*, ends: bool) -> AsyncIterator[tuple[Client, asyncio.Event]]:
    """A client of an etcd that sends the head of a long poll, and then ends it in order, or waits."""
    sent, ended = asyncio.Event(), asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD + (END if ends else b""))
        await writer.drain()
        sent.set()
        with suppress(ConnectionError):
            if not ends:
                await reader.read()
            writer.close()
            await writer.wait_closed()
        ended.set()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client = Client([Endpoint(f"127.0.0.1:{port}", tls=False)], Trust(), prefix="/fleet", timeout=2)
        try:
            yield client, sent
        finally:
            await client.close()
            await soon(ended.wait())


async def test_a_poll_that_etcd_ends_says_nothing_about_what_has_happened() -> None:
    async with head_only(ends=True) as (client, _):
        with pytest.raises(Unavailable, match="the connection has ended"):
            await soon(client.poll(51))


async def test_a_poll_that_is_given_up_says_nothing_about_what_has_happened() -> None:
    async with head_only(ends=False) as (client, sent):
        polling = asyncio.ensure_future(client.poll(51))
        await soon(sent.wait())
        client.members.nudge()
        with pytest.raises(Unavailable):
            await soon(polling)
