"""A cable between a client and a server that can be cut, and that can swallow what goes through it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class Cable:
    """A TCP proxy on loopback."""

    def __init__(self, url: str) -> None:
        """`url` is that of the server."""
        parts = urlsplit(url)
        self._scheme, self._target = parts.scheme, (parts.hostname, parts.port)
        self._server: asyncio.Server | None = None
        self._port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._answers_pass = asyncio.Event()
        self._answers_pass.set()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._port}"

    async def heal(self) -> None:
        """Take connections, and let everything through."""
        self._answers_pass.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    def swallow_answers(self) -> None:
        """Let requests through, but no answers, until it is cut or healed."""
        self._answers_pass.clear()

    async def cut(self) -> None:
        """End all connections, and take no new ones."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for writer in self._writers:
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            server_reader, server_writer = await asyncio.open_connection(*self._target)
            self._writers |= {writer, server_writer}
            self._pump(reader, server_writer, answers=False)
            self._pump(server_reader, writer, answers=True)

    def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        task = asyncio.create_task(self._pumped(reader, writer, answers))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pumped(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: bool
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                if answers:
                    await self._answers_pass.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()
        self._writers.discard(writer)


@asynccontextmanager
async def cable_to(url: str) -> AsyncIterator[Cable]:
    cable = Cable(url)
    await cable.heal()
    try:
        yield cable
    finally:
        await cable.cut()
