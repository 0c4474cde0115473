"""The far end of a tunnel: fd-forward, which fleetctl runs over SSH on the host it tunnels through."""

from __future__ import annotations

import os
import select
import socket
import sys
from collections.abc import Sequence

from fleetctl.command import command, words
from fleetctl.connect import reason
from fleetctl.output import Stop
from fleetctl.session import Session

CHUNK = 1 << 16


@command(
    "fd-forward SOCKET",
    "Connect stdin and stdout to a unix socket",
    words("sockets"),
    description="Used by --tunnel on the host that is tunnelled through; of no use by itself.",
    example="fleetctl fd-forward /var/run/fleet.sock",
    is_local=True,
)
def fd_forward(session: Session, sockets: Sequence[str]) -> None:
    """Copy stdin to the socket and the socket to stdout until either ends."""
    if len(sockets) != 1:
        raise Stop("Provide a single argument")
    with socket.socket(socket.AF_UNIX) as stream:
        try:
            stream.connect(sockets[0])
        except OSError as error:
            # The other end of the tunnel sees the missing answer: fleet 1.0 exits 0 here.
            raise Stop(f"Failed dialing remote address: {sockets[0]}: {reason(error)}", 0) from error
        try:
            _copy(stream, sys.stdin.fileno(), sys.stdout.fileno())
        except OSError as error:
            raise Stop(f"Encountered error during copy: {reason(error)}") from error


def _copy(stream: socket.socket, source: int, sink: int) -> None:
    while True:
        ready, _, _ = select.select([stream.fileno(), source], [], [])
        if stream.fileno() in ready:
            data = stream.recv(CHUNK)
            if not data:
                return
            while data:
                data = data[os.write(sink, data) :]
        if source in ready:
            data = os.read(source, CHUNK)
            if not data:
                return
            stream.sendall(data)
