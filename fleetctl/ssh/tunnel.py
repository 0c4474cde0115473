"""The API through an SSH host: to its own socket, or to a server that it can reach."""

from __future__ import annotations

import io
import socket
import ssl
from contextlib import ExitStack
from shlex import quote
from typing import Any

import paramiko

from fleetctl.connect import Connect, Stream
from fleetctl.endpoint import Endpoint, Server, UnixSocket
from fleetctl.errors import BadEndpoint, SshError, Unreachable
from fleetctl.settings import Settings
from fleetctl.ssh.channels import FleetTransport, words_of
from fleetctl.ssh.connection import direct, split_host
from fleetctl.ssh.forwarding import join


class _ChannelStream:
    """A channel as HTTP wants it."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel

    def sendall(self, *args: Any) -> None:
        self._channel.sendall(*args)

    def makefile(self, *args: Any, **kwargs: Any) -> io.BufferedReader:
        return io.BufferedReader(_Raw(self._channel), 1 << 16)

    def close(self) -> None:
        self._channel.close()


class _Raw(io.RawIOBase):
    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._channel.recv(len(buffer))
        if not data and (said := self._last_words()):
            raise ConnectionError(said)
        buffer[: len(data)] = data
        return len(data)

    def _last_words(self) -> str:
        """What the host's own fleetctl had to say; nothing if the socket was reached without it."""
        said = self._channel.makefile_stderr("rb").read()
        return " ".join(said.decode(errors="replace").split())


def tunnelled(endpoint: Endpoint, settings: Settings, tls: ssl.SSLContext | None) -> Connect:
    """How to reach the endpoint through a tunnel; the SSH connection is made at once. Raises BadEndpoint."""
    stack = ExitStack()
    try:
        transport = stack.enter_context(direct(settings, *split_host(settings.tunnel)))
    except SshError as error:
        raise BadEndpoint(f"failed initializing SSH client: {error}") from error
    return lambda: _opened(transport, endpoint, settings, stack, tls)


def _opened(
    transport: FleetTransport,
    endpoint: Endpoint,
    settings: Settings,
    stack: ExitStack,
    tls: ssl.SSLContext | None,
) -> Stream:
    try:
        match endpoint:
            case UnixSocket(path):
                return _ChannelStream(_unix(transport, path, settings.ssh_timeout))
            case Server(host, port):
                where = (host, port), ("127.0.0.1", 0)
                channel = transport.open_channel("direct-tcpip", *where, timeout=settings.ssh_timeout)
                if endpoint.secure and tls is not None:
                    return tls.wrap_socket(_as_socket(channel), server_hostname=host)
                return _ChannelStream(channel)
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise Unreachable(
            f"{settings.tunnel} cannot connect to {endpoint.shown}: {words_of(error)}"
        ) from error


def _as_socket(channel: paramiko.Channel) -> socket.socket:
    """A socket whose other end is the channel: TLS wants a real one."""
    ours, theirs = socket.socketpair()
    join(channel, theirs)
    return ours


def _unix(transport: FleetTransport, path: str, timeout: float) -> paramiko.Channel:
    """The socket itself, or where the host does not forward to sockets, fleetctl on that host (fleet 1.0)."""
    try:
        return transport.open_unix(path, timeout)
    except paramiko.ChannelException:
        channel = transport.open_session(timeout=timeout)
        channel.exec_command(f"fleetctl fd-forward {quote(path)}")
        return channel
