"""One client's connection: what aiohttp's parser and protocol do otherwise than the HTTP server of fleet 1.0.

Rule 1: whoever has asked is answered, also a client that says no more (`nc -N`, `socat`).
Rule 2: a method is the word that was sent; `get` is none that anybody supports.
"""

import asyncio
import logging
from typing import Any, Literal

from aiohttp.http_parser import HeadersParser, HttpRequestParserPy, RawRequestMessage
from aiohttp.web_protocol import RequestHandler, RequestPayloadError
from aiohttp.web_request import BaseRequest
from aiohttp.web_response import Response, StreamResponse
from aiohttp.web_server import Server
from multidict import CIMultiDictProxy

from fleetd.api.call import Answer, error_answer

log = logging.getLogger(__name__)

_REPEATED = b"x-fleet-repeated-content-type"


def content_types(request: BaseRequest) -> tuple[str, ...]:
    """The Content-Type lines of a request, as they came."""
    headers = request.headers
    return (*headers.getall("Content-Type", []), *headers.getall(_REPEATED.decode(), []))


class ListeningServer(Server):
    """Makes a connection of ours for each client. `version` None leaves the header Server out."""

    version: str | None = None

    def __call__(self) -> RequestHandler:
        return Connection(self, loop=self._loop, **self._kwargs)


class ExactResponse(Response):
    """An answer with exactly its own headers; `server` None leaves that header out too."""

    def __init__(self, answer: Answer, server: str | None) -> None:
        super().__init__(body=answer.body, status=answer.status)
        self._names_server = server is not None
        if server is not None:
            self.headers["Server"] = server
        if answer.content_type is not None:
            self.headers["Content-Type"] = answer.content_type
        if answer.encoding is not None:
            self.headers["Content-Encoding"] = answer.encoding
        if answer.location is not None:
            self.headers["Location"] = answer.location
        if answer.close:
            self.force_close()

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        if not self._names_server:
            self.headers.pop("Server", None)


class _Headers(HeadersParser):
    """Lets a second Content-Type line through under another name: it is the API that objects to it."""

    def parse_headers(
        self, lines: list[bytes]
    ) -> tuple[CIMultiDictProxy[str], tuple[tuple[bytes, bytes], ...]]:
        types = [i for i, line in enumerate(lines) if line[:13].lower() == b"content-type:"]
        for index in types[1:]:
            lines[index] = _REPEATED + lines[index][12:]
        return super().parse_headers(lines)


class _Parser(HttpRequestParserPy):
    """Unlike aiohttp's compiled parser, it lets methods pass that nobody has heard of."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._headers_parser = _Headers(self.max_line_size, self.max_headers, self.max_field_size)
        self._line_end: Literal[b"\r\n", b"\n"] | None = None

    def parse_message(self, lines: list[bytes]) -> RawRequestMessage:
        """The request, its method as it was written."""
        message = super().parse_message(lines)
        return message._replace(method=lines[0].partition(b" ")[0].decode())

    def feed_data(self, data: bytes, *unused: Any) -> Any:
        """Take what has come. A client whose first line ends in a bare newline ends all of them so."""
        if self._line_end is None and b"\n" in data:
            line = (self._tail + data).partition(b"\n")[0]
            self._line_end = b"\r\n" if line.endswith(b"\r") else b"\n"
        return super().feed_data(data, self._line_end or b"\r\n")

    @property
    def is_within_request(self) -> bool:
        """Whether more has to come before the last request is whole."""
        return self._payload_parser is not None or bool(self._lines) or bool(self._tail)


class Connection(RequestHandler):
    """One client."""

    __slots__ = ("_version", "is_streaming")

    def __init__(self, manager: ListeningServer, *, loop: asyncio.AbstractEventLoop, **options: Any) -> None:
        super().__init__(manager, loop=loop, **options)
        self._version = manager.version
        self.is_streaming = False
        """Whether an answer is sent that only ends when the client goes."""
        self._parser = _Parser(
            self, loop, self._read_bufsize, payload_exception=RequestPayloadError, auto_decompress=False
        )

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio looks at what it returns
        """The client says no more. True keeps the connection until its requests are answered."""
        if self.is_streaming or not isinstance(self._parser, _Parser) or self._parser.is_within_request:
            return False
        if self._messages:
            message, payload = self._messages[-1]
            if isinstance(message, RawRequestMessage):
                self._messages[-1] = (message._replace(should_close=True), payload)
            return True
        is_busy = self._request_count > 0 and self._waiter is None
        if is_busy:
            self.close()
        return is_busy

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> StreamResponse:
        """What cannot be read as HTTP is refused in the form of every other error."""
        if status < 500:
            log.debug("refused what is no HTTP request: %s", message)
            return ExactResponse(error_answer(status, f"bad request: {message}", close=True), self._version)
        log.error("Failed answering %s %s", request.method, request.raw_path, exc_info=exc)
        return ExactResponse(error_answer(status, "", close=True), self._version)
