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
        self._connections: set[asyncio.Task[None]] = set()
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
            await _turns()  # who has just been let in is not among the connections yet
        for task in self._connections:
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections)
        await _turns()  # a connection that was ended is told so a little later

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its beginning to its end."""
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        ends = [writer]
        try:
            server_reader, server_writer = await asyncio.open_connection(*self._target)
            ends.append(server_writer)
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pumped(reader, server_writer, answers=False))
                pumps.create_task(self._pumped(server_reader, writer, answers=True))
        except (OSError, asyncio.CancelledError):
            return  # its server is away, or it was cut
        finally:
            self._connections.discard(task)
            for end in ends:
                end.transport.abort()

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


async def _turns() -> None:
    """Let the event loop do all that follows from what has just happened."""
    for _ in range(10):
        await asyncio.sleep(0)


@asynccontextmanager
async def healed(cable: Cable) -> AsyncIterator[None]:
    """A cable that lets everything through, until the context ends."""
    await cable.heal()
    try:
        yield
    finally:
        await cable.cut()


@asynccontextmanager
async def cable_to(url: str) -> AsyncIterator[Cable]:
    cable = Cable(url)
    async with healed(cable):
        yield cable
