"""HTTP over whatever stream leads to a server: the standard library's, with one family of errors.

Rule 1: a body is whole, as its head says, or an error. A head that ends early is not told from a whole one
        by the library: then the body, if there should be one, is no JSON, and that is the error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    IncompleteRead,
    LineTooLong,
    RemoteDisconnected,
)
from typing import Any

from fleetctl.connect import Connect


class BadAnswer(Exception):
    """What came is not an answer, or not a whole one."""


class Response:
    """The head of an answer; the body can be read whole, or line by line as it comes."""

    def __init__(self, response: HTTPResponse) -> None:
        self.status = response.status
        self.phrase = response.reason
        self.headers: Mapping[str, str] = response.headers  # type: ignore[assignment]  # a Message reads like one
        self._response = response

    def read(self) -> bytes:
        """All of the body. Raises BadAnswer, OSError."""
        with _explained():
            return self._response.read()

    def readline(self) -> bytes:
        """The next line, as soon as it is there; nothing at the end. Raises BadAnswer, OSError."""
        with _explained():
            return self._response.readline()


class Connection:
    """A connection that is made when it is needed, and kept as long as the server keeps it."""

    def __init__(self, host: str, connect: Connect) -> None:
        self._http = _Http(host, connect)

    @property
    def is_open(self) -> bool:
        """Whether there is a connection by now."""
        return self._http.sock is not None

    def request(
        self, method: str, target: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Send a request; the answer before must have been read. Raises BadAnswer, OSError, Unreachable."""
        with _explained():
            self._http.request(method, target, body, dict(headers or {}))
            return Response(self._http.getresponse())

    def close(self) -> None:
        """End the connection; the next request makes a new one."""
        self._http.close()


class _Http(HTTPConnection):
    def __init__(self, host: str, connect: Connect) -> None:
        super().__init__(host)
        self._make_stream = connect

    def connect(self) -> None:
        self.sock: Any = self._make_stream()


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except RemoteDisconnected as error:
        raise BadAnswer("the connection ended without an answer") from error
    except IncompleteRead as error:
        raise BadAnswer("the connection ended in the middle of the answer") from error
    except LineTooLong as error:
        raise BadAnswer("a line of the answer does not end") from error
    except (HTTPException, ValueError) as error:
        raise BadAnswer(f"what answers does not speak HTTP: {str(error).strip()[:40]}") from error
