"""Servers behind an SSH host, each as a unix socket here, for libraries that connect by themselves.

Rule 1: nobody but this user reaches the sockets, and they are gone when the command ends.
Rule 2: names are resolved here, not behind the SSH host (fleet 1.0's etcd driver).
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import paramiko

from fleetctl.errors import SshError
from fleetctl.output import complain
from fleetctl.settings import Settings
from fleetctl.ssh.channels import FleetTransport
from fleetctl.ssh.connection import direct, resolved, split_host, through
from fleetctl.ssh.deadline import Deadline

CHUNK = 1 << 16


class Forwarder:
    """Leads to servers that one SSH host can reach."""

    def __init__(
        self, transport: FleetTransport, settings: Settings, directory: Path, stack: ExitStack
    ) -> None:
        self._transport = transport
        self._settings = settings
        self._directory = directory
        self._stack = stack
        self._told: set[str] = set()
        self._count = 0

    def path_to(self, address: str) -> str:
        """The path of a socket that leads to `host:port`. Raises SshError."""
        host, port = split_host(address)
        path = self._directory / str(self._count)
        self._count += 1
        listener = self._stack.enter_context(socket.socket(socket.AF_UNIX))
        try:
            listener.bind(str(path))
        except OSError as error:
            raise SshError(f"cannot listen on {path}: {error} (TMPDIR says where such files go)") from error
        listener.listen()
        self._stack.callback(listener.shutdown, socket.SHUT_RDWR)  # wakes the thread that waits for it
        threading.Thread(target=self._accept, args=(listener, host, port), daemon=True).start()
        return str(path)

    def _accept(self, listener: socket.socket, host: str, port: int) -> None:
        while True:
            try:
                stream, _ = listener.accept()
            except OSError:  # closed: the command has ended
                return
            threading.Thread(target=self._lead, args=(stream, host, port), daemon=True).start()

    def _lead(self, stream: socket.socket, host: str, port: int) -> None:
        try:
            deadline = Deadline(self._settings.ssh_timeout)
            where = resolved(host, port)
            join(through(self._transport, self._settings.tunnel, where, port, deadline), stream)
        except SshError as error:  # whoever asks sees only that the connection ends
            stream.close()
            if str(error) not in self._told:
                self._told.add(str(error))
                complain(str(error))


@contextmanager
def forwarding(settings: Settings) -> Iterator[Forwarder]:
    """A way through the tunnel of the settings, until the context ends. Raises SshError."""
    with (
        direct(settings, *split_host(settings.tunnel)) as transport,
        TemporaryDirectory(prefix="fleetctl-") as directory,
        ExitStack() as stack,
    ):
        yield Forwarder(transport, settings, Path(directory), stack)


def join(channel: paramiko.Channel, stream: socket.socket) -> None:
    """Copy everything both ways, in threads, until both have ended."""

    def outward() -> None:
        with suppress(OSError, EOFError):
            while data := stream.recv(CHUNK):
                channel.sendall(data)
        channel.close()

    def inward() -> None:
        with suppress(OSError, EOFError):
            while data := channel.recv(CHUNK):
                stream.sendall(data)
        with suppress(OSError):
            stream.shutdown(socket.SHUT_WR)

    for copying in (outward, inward):
        threading.Thread(target=copying, daemon=True).start()
