"""The door to aiohttp: listening sockets in, calls out, answers back, byte for byte.

aiohttp is used below its router and its `Application`, whose rules differ from those of fleet 1.0.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager

from aiohttp import http_exceptions
from aiohttp.web_protocol import RequestPayloadError
from aiohttp.web_request import BaseRequest
from aiohttp.web_response import StreamResponse

from fleetd.api import target
from fleetd.api.app import App
from fleetd.api.call import Answer, Call
from fleetd.api.connection import Connection, ExactResponse, ListeningServer, content_types
from fleetd.api.errors import ApiError

log = logging.getLogger(__name__)

MAX_BODY = 1 << 20
BODY_PATIENCE = 30.0
"""Seconds that the body of a request may take to arrive."""
LINGERING = 2.0
"""Seconds that a body nobody wants is read and thrown away, so that its sender reads the answer."""
DRAIN = 2.0
"""Seconds that requests under way get to end when the daemon does."""


@asynccontextmanager
async def serving(app: App, listeners: Sequence[socket.socket], *, version: str) -> AsyncIterator[None]:
    """Answer on all of these sockets until the context ends; then end what is under way."""
    name = f"fleetd/{version}"

    async def handle(request: BaseRequest) -> StreamResponse:
        answer = await app.answer(_call(request), *target.parts(request.raw_path))
        if answer.stream is not None:
            return await _streamed(request, answer, answer.stream, name)
        return ExactResponse(answer, name if answer.names_server else None)

    server = ListeningServer(handle, access_log=None, lingering_time=LINGERING, auto_decompress=False)
    server.version = name
    opened = [one for listener in listeners if (one := await _listen(server, listener)) is not None]
    try:
        yield
    finally:
        for one in opened:
            one.close()
        # What has been sent before is still answered, then idle connections end, then busy ones.
        await asyncio.sleep(0)
        server.pre_shutdown()
        await server.shutdown(DRAIN)


async def _streamed(
    request: BaseRequest, answer: Answer, stream: Callable[[], AsyncGenerator[bytes, None]], server: str
) -> StreamResponse:
    """Send what comes until nothing more does, or the client is gone. A slow client is waited for."""
    headers = {"Server": server, "Content-Type": answer.content_type or "", "Cache-Control": "no-store"}
    response = StreamResponse(status=answer.status, headers=headers)
    response.force_close()
    if isinstance(request.protocol, Connection):
        request.protocol.is_streaming = True
    await response.prepare(request)
    async with aclosing(stream()) as pieces:
        try:
            async for piece in pieces:
                await response.write(piece)
            await response.write_eof()
        except ConnectionError:
            log.debug("the client of a stream is gone")
    return response


async def _listen(server: ListeningServer, listener: socket.socket) -> asyncio.Server | None:
    """Accept connections on a socket; None when it refuses."""
    loop = asyncio.get_running_loop()
    try:
        if listener.family == socket.AF_UNIX:
            return await loop.create_unix_server(server, sock=listener)
        return await loop.create_server(server, sock=listener)
    except OSError as error:
        log.error("Failed serving HTTP on listener: addr: %s, err: %s", listener.getsockname(), error)
        return None


def _call(request: BaseRequest) -> Call:
    async def read() -> bytes:
        return await _body(request)

    return Call(
        request.method,
        "",
        read,
        content_types=content_types(request),
        accept=request.headers.get("Accept", ""),
        accept_encoding=request.headers.get("Accept-Encoding", ""),
        last_event_id=request.headers.get("Last-Event-ID", ""),
    )


async def _body(request: BaseRequest) -> bytes:
    """The body of a request. Raises ApiError."""
    too_large = ApiError(413, f"request body is larger than {MAX_BODY} bytes")
    if (request.content_length or 0) > MAX_BODY:
        raise too_large
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_PATIENCE):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > MAX_BODY:
                    raise too_large
    except TimeoutError:
        raise ApiError(408, f"request body did not arrive within {BODY_PATIENCE:g} s") from None
    except (RequestPayloadError, http_exceptions.HttpProcessingError, ConnectionError) as error:
        raise ApiError(400, f"request body cannot be read: {error}") from None
    return bytes(body)
