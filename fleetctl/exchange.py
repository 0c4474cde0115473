"""Requests and their answers over HTTP, on connections that are kept.

Rule 1: a request that changes something is sent once; only reading is repeated, if a kept connection died.
Rule 2: who has moved is followed, as fleet 1.0 did: with the same method and body, or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from fleetctl.connect import Connect, reason
from fleetctl.endpoint import Endpoint, UnixSocket, parse_endpoint
from fleetctl.errors import Unreachable
from fleetctl.output import log_line
from fleetctl.wire import BadAnswer, Connection, Response

AGENT = "google-api-go-client/0.5"
"""What fleetctl 1.0 called itself: the access logs and filters of clusters know it by this."""
MOVES = 10
"""So often is one request sent on."""
_MOVED_FOR_READING = frozenset({301, 302, 303})
_MOVED = frozenset({307, 308})
_UNIX = "http://domain-sock"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `location` is where it is to be found instead."""

    status: int
    phrase: str
    body: bytes
    location: str

    def is_elsewhere(self, method: str) -> bool:
        """Whether the same request is to be sent to the location."""
        moved = _MOVED | _MOVED_FOR_READING if method == "GET" else _MOVED
        return self.status in moved and bool(self.location)


class Line:
    """One server, and a connection to it that is kept. All methods raise Unreachable."""

    def __init__(self, endpoint: Endpoint, connect: Connect) -> None:
        self.shown = endpoint.shown
        self.is_unix = isinstance(endpoint, UnixSocket)
        self.url = _UNIX if self.is_unix else "://".join(urlsplit(self.shown)[:2])
        self._host, self._connect = urlsplit(self.url).netloc, connect
        self._http = Connection(self._host, connect)

    def ask(self, method: str, target: str, body: bytes | None) -> Answer:
        """The answer to a request of this method and path."""
        kept = self._http.is_open
        try:
            return self._once(method, target, body)
        except (OSError, BadAnswer) as error:
            self.close()
            if not (kept and method == "GET"):
                raise self._broken(method, error) from error
        try:
            return self._once(method, target, body)
        except (OSError, BadAnswer) as error:
            self.close()
            raise self._broken(method, error) from error

    @contextmanager
    def stream(self, target: str) -> Iterator[Response]:
        """An answer that goes on and on, on a connection of its own."""
        http = Connection(self._host, self._connect)
        try:
            yield http.request("GET", target, headers={"User-Agent": AGENT})
        except (OSError, BadAnswer) as error:
            raise self._broken("GET", error) from error
        finally:
            http.close()

    def close(self) -> None:
        """End the connection; the next request makes a new one."""
        self._http.close()

    def _once(self, method: str, target: str, body: bytes | None) -> Answer:
        headers = {"User-Agent": AGENT}
        if body is not None:
            headers["Content-Type"] = "application/json"
        response = self._http.request(method, target, body, headers)
        return Answer(response.status, response.phrase, response.read(), response.headers.get("location", ""))

    def _broken(self, method: str, error: OSError | BadAnswer) -> Unreachable:
        said = reason(error) if isinstance(error, OSError) else str(error) or type(error).__name__
        unsure = "" if method == "GET" else " (whether it took effect is not known)"
        return Unreachable(f"connection to {self.shown} broke before the answer: {said}{unsure}")


class Exchange:
    """All requests to one endpoint, and to wherever it sends them. Methods raise Unreachable, BadEndpoint."""

    def __init__(self, endpoint: Endpoint, reach: Callable[[Endpoint], Connect], *, debug: bool) -> None:
        self._reach = reach
        self.home = Line(endpoint, reach(endpoint))
        self._elsewhere: dict[str, Line] = {}
        self._debug = debug

    def ask(self, method: str, target: str, body: bytes | None) -> Answer:
        """The answer, from whoever has it."""
        line = self.home
        answer = self._logged(line, method, target, body)
        for _ in range(MOVES):
            if not answer.is_elsewhere(method):
                return answer
            line, target = self._followed(line, target, answer.location)
            answer = self._logged(line, method, target, body)
        raise Unreachable(f"{self.home.shown} sends requests in circles: stopped after {MOVES} redirects")

    def stream(self, target: str) -> AbstractContextManager[Response]:
        """An answer of the endpoint itself that goes on and on, on a connection of its own."""
        if self._debug:
            log_line("DEBUG", f"HTTP GET {self.home.url}{target}")
        return self.home.stream(target)

    def close(self) -> None:
        """End all connections."""
        for line in (self.home, *self._elsewhere.values()):
            line.close()

    def _logged(self, line: Line, method: str, target: str, body: bytes | None) -> Answer:
        if self._debug:
            log_line("DEBUG", f"HTTP {method} {line.url}{target}")
        answer = line.ask(method, target, body)
        if self._debug:
            log_line("DEBUG", f"HTTP {method} {line.url}{target} {answer.status} {answer.phrase}")
        return answer

    def _followed(self, line: Line, target: str, location: str) -> tuple[Line, str]:
        """Whom to ask, and for what. A unix socket sends to itself only, whatever host it names."""
        parts = urlsplit(urljoin(f"{line.url}{target}", location))
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        origin = f"{parts.scheme}://{parts.netloc}"
        if line.is_unix or origin == line.url:
            return line, path
        if origin not in self._elsewhere:
            endpoint = parse_endpoint(origin)
            self._elsewhere[origin] = Line(endpoint, self._reach(endpoint))
        return self._elsewhere[origin], path
