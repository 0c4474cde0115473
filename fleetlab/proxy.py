"""A way from this machine's loopback into a lab's network, for clients that cannot be moved there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fleetlab.network import Network


@asynccontextmanager
async def serve(network: Network, address: str, port: int) -> AsyncIterator[int]:
    """A port on 127.0.0.1 whose connections go on to this address of the lab, until the context ends."""
    tasks: set[asyncio.Task[None]] = set()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # the server runs each connection as a task
        tasks.add(task)
        try:
            await _join(network, address, port, reader, writer)
        except (OSError, asyncio.CancelledError):  # its peer sees the connection close
            pass
        finally:
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(forward, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in [*tasks]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _join(
    network: Network, address: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    there_reader, there_writer = await network.connect(address, port)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_pump(reader, there_writer))
            group.create_task(_pump(there_reader, writer))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    finally:
        there_writer.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
    if sink.can_write_eof():
        sink.write_eof()
