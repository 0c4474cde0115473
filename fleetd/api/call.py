"""One request and its answer, without the HTTP library behind them."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from fleetd.api import wire

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Call:
    """What a client asks."""

    method: str
    path: str
    """Decoded."""
    read: Callable[[], Awaitable[bytes]]
    """The body. Raises ApiError when it is too large or does not arrive."""
    name: str = ""
    """The unit that the path names, if it names one."""
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    content_types: tuple[str, ...] = ()
    """The Content-Type lines as they came, none or several."""
    accept: str = ""
    accept_encoding: str = ""
    last_event_id: str = ""

    def parameter(self, key: str) -> str:
        """The first value of a query parameter; empty when it is absent."""
        return next(iter(self.query.get(key, ())), "")


@dataclass(frozen=True, slots=True)
class Answer:
    """What it gets. `content_type` None sends no such header."""

    status: int
    body: bytes = b""
    content_type: str | None = None
    location: str | None = None
    encoding: str | None = None
    """How the body is compressed, if it is."""
    close: bool = False
    """Whether the connection ends with this answer."""
    names_server: bool = True
    """Whether it says which server it is from: the one answer of a daemon that is not available does not."""
    stream: Callable[[], AsyncGenerator[bytes, None]] | None = None
    """What is sent instead of a body, piece by piece, for as long as there is any."""


def json_answer(body: bytes, status: int = 200) -> Answer:
    """An answer of JSON."""
    return Answer(status, body, JSON)


def error_answer(status: int, message: str, *, close: bool = False) -> Answer:
    """An error in the form that clients expect."""
    return Answer(status, wire.error(status, message), JSON, close=close)
