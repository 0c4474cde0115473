"""HTTP/1.1 as a client of one server speaks it (RFC 9112), without the standard library's, which brings
TLS and all of e-mail with it: half of the time that a small command takes.

Rule 1: an answer is whole, as its head says, or an error.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from fleetctl.connect import Connect, Stream

LONGEST_LINE = 1 << 16
"""Bytes of a line of a head, and of as many lines."""
_BODILESS = frozenset({204, 304})


class BadAnswer(Exception):
    """What came is not an answer, or not a whole one."""


class Response:
    """The head of an answer; the body can be read whole, or line by line as it comes."""

    def __init__(self, status: int, phrase: str, headers: Mapping[str, str], body: io.BufferedReader) -> None:
        self.status = status
        self.phrase = phrase
        self.headers = headers
        self._body = body

    def read(self) -> bytes:
        """All of the body. Raises BadAnswer, OSError."""
        return self._body.read()

    def readline(self) -> bytes:
        """The next line, as soon as it is there; nothing at the end. Raises BadAnswer, OSError."""
        return self._body.readline()


class Connection:
    """A connection that is made when it is needed, and kept as long as the server keeps it."""

    def __init__(self, host: str, connect: Connect) -> None:
        self._host = host
        self._connect = connect
        self._stream: Stream | None = None
        self._file: Any = None
        self._ends = False

    @property
    def is_open(self) -> bool:
        """Whether there is a connection by now."""
        return self._stream is not None

    def request(
        self, method: str, target: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Send a request; the answer before must have been read. Raises BadAnswer, OSError, Unreachable."""
        if self._ends:
            self.close()
        if self._stream is None:
            self._stream = self._connect()
            self._file = self._stream.makefile("rb")
        length = {} if body is None else {"Content-Length": str(len(body))}
        fields = {"Host": self._host, "Accept-Encoding": "identity", **(headers or {}), **length}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self._stream.sendall(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + (body or b""))
        return self._response()

    def close(self) -> None:
        """End the connection; the next request makes a new one."""
        stream, self._stream = self._stream, None
        file, self._file, self._ends = self._file, None, False
        if file is not None:
            file.close()
        if stream is not None:
            stream.close()

    def _response(self) -> Response:
        while True:
            version, status, phrase = self._status_line()
            headers = self._headers()
            if status >= 200:  # what comes before is not the answer yet
                break
        chunked = headers.get("transfer-encoding", "").lower().endswith("chunked")
        length = 0 if status in _BODILESS else None if chunked else _length(headers)
        said = headers.get("connection", "").lower()
        kept = "keep-alive" in said if version == "HTTP/1.0" else "close" not in said
        self._ends = not kept or (length is None and not chunked)
        body = _Body(self._file, length, chunked=chunked and status not in _BODILESS)
        return Response(status, phrase, headers, io.BufferedReader(body, LONGEST_LINE))

    def _status_line(self) -> tuple[str, int, str]:
        line = _line(self._file)
        if not line:
            raise BadAnswer("the connection ended without an answer")
        version, _, rest = line.decode("latin-1").strip().partition(" ")
        code, _, phrase = rest.partition(" ")
        if not version.startswith("HTTP/1.") or not (code.isdecimal() and len(code) == 3):
            raise BadAnswer(f"what answers does not speak HTTP: {line[:40]!r}")
        return version, int(code), phrase.strip()

    def _headers(self) -> dict[str, str]:
        found: dict[str, str] = {}
        size = 0
        while (line := _line(self._file)) not in (b"\r\n", b"\n"):
            size += len(line)
            if not line or size > LONGEST_LINE:
                raise BadAnswer("the head of the answer does not end")
            name, _, value = line.decode("latin-1").partition(":")
            found.setdefault(name.strip().lower(), value.strip())
        return found


def _length(headers: Mapping[str, str]) -> int | None:
    """The length of a body; None if it goes on until the connection ends."""
    said = headers.get("content-length")
    if said is not None and not said.isdecimal():
        raise BadAnswer(f"the answer says that it is {said!r} bytes long")
    return None if said is None else int(said)


def _line(file: Any) -> bytes:
    line: bytes = file.readline(LONGEST_LINE + 1)
    if len(line) > LONGEST_LINE:
        raise BadAnswer("a line of the answer does not end")
    return line


class _Body(io.RawIOBase):
    """The bytes of one answer. `length`: None until the connection ends, or of a chunked one."""

    def __init__(self, file: Any, length: int | None, *, chunked: bool) -> None:
        self._file = file
        self._chunked = chunked
        self._left = 0 if chunked else length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._chunked and not self._left:
            self._left = self._next_chunk()
            self._chunked = self._left > 0
        if self._left == 0:
            return 0
        most = len(buffer) if self._left is None else min(len(buffer), self._left)
        data = self._file.read1(most)
        if self._left is not None:
            if not data:
                raise BadAnswer("the connection ended in the middle of the answer")
            self._left -= len(data)
            if self._chunked and not self._left:
                _line(self._file)
        buffer[: len(data)] = data
        return len(data)

    def _next_chunk(self) -> int:
        line = _line(self._file)
        try:
            size = int(line.partition(b";")[0], 16) if line.endswith(b"\n") else -1
        except ValueError:
            size = -1
        while not size and (line := _line(self._file)) not in (b"\r\n", b"\n"):
            if not line:
                size = -1
        if size < 0:
            raise BadAnswer("the connection ended in the middle of the answer")
        return size
