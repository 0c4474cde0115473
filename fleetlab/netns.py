"""Sockets in another network namespace, without moving this process there."""

import ctypes
import os
import socket
import threading
from pathlib import Path

from fleetlab.errors import LabError

CLONE_NEWNET = 0x40000000
DIRECTORY = Path("/run/netns")


def socket_in(netns: str) -> socket.socket:
    """A new non-blocking TCP socket that belongs to the network namespace of this name.

    A socket stays where it was made; only a short-lived thread goes there to make it.
    """
    made: list[socket.socket | OSError] = []
    thread = threading.Thread(target=lambda: made.append(_make(netns)))
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise LabError(f"no socket in the network namespace {netns}: {made[0]}") from made[0]
    return made[0]


def _make(netns: str) -> socket.socket | OSError:
    try:
        with (DIRECTORY / netns).open("rb") as namespace:
            _enter(namespace.fileno())
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    except OSError as error:
        return error
    made.setblocking(False)
    return made


def _enter(fd: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(fd, CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
