"""The only module that knows requests: one HTTP request to one member of etcd, which blocks.

Rule 1: what requests raises ends here, as `Failed` with what it means.
Rule 2: every request ends: within the timeout for connecting and again for answering, a long poll within
        `QUIET` seconds, or as soon as it is given up.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from threading import Lock
from typing import Any, Final
from urllib.parse import quote

import requests
import requests.adapters
import urllib3
import urllib3.connection
import urllib3.exceptions

from registry.errors import NO_ANSWER, NO_CONNECTION
from registry.settings import Endpoint

QUIET: Final = 5.0
"""Seconds after which a long poll is asked again, so that a frozen member is noticed."""
CONNECTIONS: Final = 16


class Failure(Enum):
    """What a request without an answer means."""

    NOT_SENT = auto()
    """The member never got it."""
    UNKNOWN = auto()
    """It may have been carried out, or not."""
    NO_TRUST = auto()
    """One side does not accept the other's certificate."""


class Failed(Exception):
    """There was no answer."""

    def __init__(self, failure: Failure, why: str) -> None:
        super().__init__(why)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Trust:
    """Paths of PEM files, and what proves who we are. Without `ca` nobody is trusted over TLS."""

    ca: str = ""
    certificate: str = ""
    key: str = ""
    username: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a member said. `body` is None when it is no JSON object."""

    status: int
    index: int
    """etcd's index when it answered; 0 when it does not say."""
    body: Mapping[str, Any] | None = field(default=None)
    text: str = ""


class Door:
    """One member, through a session of its own. May be used by several threads."""

    def __init__(self, endpoint: Endpoint, trust: Trust) -> None:
        self.address: Final = endpoint.address
        self._base = f"{'https' if endpoint.tls else 'http'}://{endpoint.address}/v2/keys/"
        self._session = requests.Session()
        # A CA or a proxy in the environment would win over what is configured.
        self._session.trust_env = False
        self._session.verify = trust.ca or True
        if trust.certificate:
            self._session.cert = (trust.certificate, trust.key)
        if trust.username:
            self._session.auth = (trust.username, trust.password)
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=CONNECTIONS)
        if endpoint.socket:
            adapter.poolmanager.pool_classes_by_scheme = _pools(endpoint.socket)
        self._session.mount(self._base, adapter)

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        form: Mapping[str, str] | None,
        timeout: float,
    ) -> Reply:
        """One request and its answer. `path` is a key, not yet escaped. Raises Failed."""
        try:
            with self._session.request(
                method, self._url(path), params=query, data=form, timeout=(timeout, timeout)
            ) as response:
                return _reply(response, response.content)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise _failed(error) from error

    def poll(self, path: str, index: int) -> Poll:
        """A long poll for the first change at a key or below it since an index."""
        query = {"recursive": "true", "wait": "true", "waitIndex": str(index)}
        return Poll(self._session, self._url(path), query)

    def close(self) -> None:
        """Close idle connections."""
        self._session.close()

    def _url(self, path: str) -> str:
        return self._base + quote(path.lstrip("/"), safe="/:@-._~")


def _pools(path: str) -> dict[str, Any]:
    """Pools of connections that are made to a unix socket, whatever the host of their URL."""

    def dial(connection: urllib3.connection.HTTPConnection) -> socket.socket:
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            stream.settimeout(connection.timeout)
            stream.connect(path)
        except OSError as error:
            stream.close()
            raise urllib3.exceptions.NewConnectionError(connection, str(error)) from error
        return stream

    def through(pool: Any, connection: Any) -> Any:
        return type(
            pool.__name__, (pool,), {"ConnectionCls": type("Dialled", (connection,), {"_new_conn": dial})}
        )

    return {
        "http": through(urllib3.HTTPConnectionPool, urllib3.connection.HTTPConnection),
        "https": through(urllib3.HTTPSConnectionPool, urllib3.connection.HTTPSConnection),
    }


class Poll:
    """One long poll. It can be given up by any thread."""

    def __init__(self, session: requests.Session, url: str, query: Mapping[str, str]) -> None:
        self._session = session
        self._url = url
        self._query = query
        self._lock = Lock()
        self._given_up = False
        self._socket: socket.socket | None = None

    def run(self, timeout: float) -> Reply:
        """Wait for a change; without one the reply has no body: then nothing has changed up to its index.

        Raises Failed, also when it was cut short after the head: a change may have been on its way.
        `timeout` is for the head of the answer, which etcd sends at once (seconds).
        """
        try:
            with self._session.get(
                self._url, params=self._query, timeout=(timeout, timeout), stream=True
            ) as response:
                if not self._hold(getattr(response.raw, "connection", None)):
                    raise Failed(Failure.UNKNOWN, "the long poll was given up")
                try:
                    return _reply(response, self._content(response))
                finally:
                    self._hold(None)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise _failed(error) from error

    def give_up(self) -> None:
        """End it now."""
        with self._lock:
            self._given_up = True
            if self._socket is not None:
                # Not the method of a TLS socket, which pulls the rug from under a thread that reads.
                with suppress(OSError):
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _hold(self, connection: Any) -> bool:
        """Take the socket that is waited on, to be able to end the wait; False if that is wanted already."""
        with self._lock:
            self._socket = getattr(connection, "sock", None)
            if self._socket is not None:
                self._socket.settimeout(QUIET)
            return not self._given_up

    def _content(self, response: requests.Response) -> bytes:
        """The change, or nothing when it was quiet."""
        try:
            content = response.content
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            if not self._given_up and _is_timeout(error):
                return b""
            raise
        if not content and response.ok:
            raise Failed(Failure.UNKNOWN, "the connection has ended")
        return content


def _reply(response: requests.Response, content: bytes) -> Reply:
    index = response.headers.get("X-Etcd-Index", "")
    try:
        body = json.loads(content) if content else None
    except ValueError:
        body = None
    return Reply(
        response.status_code,
        int(index) if index.isdecimal() else 0,
        body if isinstance(body, dict) else None,
        content[:200].decode(errors="replace").strip(),
    )


_HINTS: Final = (
    ("UNEXPECTED_EOF", " (it may not speak TLS: then its URL begins with http://)"),
    ("WRONG_VERSION_NUMBER", " (it may not speak TLS: then its URL begins with http://)"),
    ("BAD_CERTIFICATE", " (it wants a client certificate that it trusts)"),
    ("CERTIFICATE_REQUIRED", " (it wants a client certificate that it trusts)"),
    (
        "Remote end closed connection without response",
        " (it may speak TLS: then its URL begins with https://)",
    ),
)


def _failed(error: BaseException) -> Failed:
    """What a library error means, and the innermost reason in few words."""
    innermost = _innermost(error)
    if isinstance(error, requests.exceptions.SSLError):
        return Failed(Failure.NO_TRUST, _with_hint(str(innermost)))
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return Failed(Failure.NOT_SENT, NO_CONNECTION)
    if _is_timeout(error):
        return Failed(Failure.UNKNOWN, NO_ANSWER)
    if isinstance(innermost, ConnectionRefusedError | socket.gaierror) or _is_new(error):
        return Failed(Failure.NOT_SENT, getattr(innermost, "strerror", None) or str(innermost))
    return Failed(Failure.UNKNOWN, _with_hint(str(innermost)) or "the connection has ended")


def _with_hint(why: str) -> str:
    """A cause, with what may be behind it."""
    return why + next((hint for words, hint in _HINTS if words in why), "")


def _is_timeout(error: BaseException) -> bool:
    if isinstance(error, requests.exceptions.Timeout):
        return True
    return any(isinstance(e, urllib3.exceptions.ReadTimeoutError | TimeoutError) for e in _chain(error))


def _is_new(error: BaseException) -> bool:
    """Whether the connection was never made."""
    return any(isinstance(e, urllib3.exceptions.NewConnectionError) for e in _chain(error))


def _innermost(error: BaseException) -> BaseException:
    return _chain(error)[-1]


def _chain(error: BaseException) -> list[BaseException]:
    """An error and those it wraps, outermost first."""
    chain = [error]
    while True:
        last = chain[-1]
        inner = getattr(last, "reason", None) or last.__cause__ or next(iter(reversed(last.args)), None)
        if not isinstance(inner, BaseException) or inner in chain:
            return chain
        chain.append(inner)
