"""How a connection to the API is made: over a socket here, over TCP, with TLS, or through an SSH host."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from fleetctl.endpoint import Endpoint, Server, UnixSocket
from fleetctl.errors import BadEndpoint, Unreachable
from fleetctl.settings import Settings

if TYPE_CHECKING:
    import ssl

CONNECT_TIMEOUT = 10.0


class Stream(Protocol):
    """What HTTP needs of a connection: a socket, or an SSH channel."""

    def sendall(self, *args: Any) -> Any:
        """Send everything."""

    def makefile(self, *args: Any, **kwargs: Any) -> Any:
        """The receiving side as a file."""

    def close(self) -> None:
        """End the connection."""


Connect = Callable[[], Stream]


def connector(endpoint: Endpoint, settings: Settings) -> Connect:
    """How to connect to that endpoint. Raises BadEndpoint when the TLS files cannot be used."""
    tls = tls_context(settings) if _wants_tls(endpoint, settings) else None
    if settings.tunnel:
        from fleetctl.ssh.tunnel import tunnelled

        return tunnelled(endpoint, settings, tls)
    match endpoint:
        case UnixSocket(path):
            return lambda: unix_stream(path, endpoint.shown)
        case Server():
            return lambda: tcp_stream(endpoint, tls)


def _wants_tls(endpoint: Endpoint, settings: Settings) -> bool:
    secure = isinstance(endpoint, Server) and endpoint.secure
    return secure or bool(settings.ca_file or settings.cert_file or settings.key_file)


def unix_stream(path: str, shown: str) -> Stream:
    """A connection to a unix socket. Raises Unreachable."""
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        stream.connect(path)
    except OSError as error:
        stream.close()
        hint = "is fleetd running here? use --endpoint or FLEETCTL_ENDPOINT"
        raise Unreachable(f"cannot connect to {shown}: {reason(error)} ({hint})") from error
    return stream


def tcp_stream(server: Server, tls: ssl.SSLContext | None) -> Stream:
    """A connection to a server. Raises Unreachable."""
    try:
        stream = socket.create_connection((server.host, server.port), timeout=CONNECT_TIMEOUT)
        _notice_dead_peer(stream)
        if server.secure and tls is not None:
            stream = tls.wrap_socket(stream, server_hostname=server.host)
        stream.settimeout(None)
    except (OSError, UnicodeError) as error:
        hint = "is fleetd's API there? check --endpoint or FLEETCTL_ENDPOINT"
        raise Unreachable(f"cannot connect to {server.shown}: {reason(error)} ({hint})") from error
    return stream


def _notice_dead_peer(stream: socket.socket) -> None:
    """A slow server may take its time (as with fleet 1.0), but one that is gone is noticed in about 25 s."""
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 25_000)


def reason(error: OSError | UnicodeError) -> str:
    """What went wrong, in the words of people."""
    if isinstance(error, UnicodeError):  # from the encoding of host names
        return "no host can have that name"
    if error.errno == errno.ENOENT:
        return "no such file"
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, socket.gaierror):
        return "host name not known"
    return (error.strerror or str(error) or type(error).__name__).lower()


def tls_context(settings: Settings) -> ssl.SSLContext:
    """How to speak TLS with these files (fleet 1.0: without any, nothing is verified). Raises BadEndpoint."""
    import ssl

    for path in filter(None, (settings.ca_file, settings.cert_file, settings.key_file)):
        _readable(path)
    verify = bool(settings.ca_file or settings.cert_file or settings.key_file)
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None) if verify else _trusting()
    except OSError as error:
        raise BadEndpoint(f"tls: {error} (authority {settings.ca_file})") from error
    if settings.cert_file or settings.key_file:
        try:
            context.load_cert_chain(settings.cert_file, settings.key_file)
        except (OSError, ValueError) as error:
            files = f"certificate {settings.cert_file or 'missing'}, key {settings.key_file or 'missing'}"
            raise BadEndpoint(f"tls: {error} ({files})") from error
    return context


def _trusting() -> ssl.SSLContext:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _readable(path: str) -> None:
    try:
        with open(path, "rb"):  # noqa: PTH123
            pass
    except OSError as error:
        raise BadEndpoint(f"open {path}: {(error.strerror or str(error)).lower()}") from error
