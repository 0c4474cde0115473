"""The sockets that systemd opened for us (sd_listen_fds; `spec/api-v1.md` §1.1).

Rule 1: the daemon binds nothing by itself: no sockets, no API.
"""

import logging
import os
import socket
from collections.abc import Mapping

log = logging.getLogger(__name__)

_FIRST = 3


def passed(environment: Mapping[str, str], pid: int) -> range:
    """The descriptors meant for the process `pid`; none when the variables do not say so."""
    try:
        if int(environment.get("LISTEN_PID", "")) != pid:
            return range(0)
        return range(_FIRST, _FIRST + max(0, int(environment.get("LISTEN_FDS", ""))))
    except ValueError:
        return range(0)


def listeners(descriptors: range) -> list[socket.socket]:
    """Those descriptors that are listening streams, ready for use; the others are logged and skipped."""
    return [found for descriptor in descriptors if (found := _listener(descriptor)) is not None]


def _listener(descriptor: int) -> socket.socket | None:
    try:
        os.set_inheritable(descriptor, False)
        listener = socket.socket(fileno=descriptor)
    except OSError as error:
        log.error("descriptor %d passed by systemd is no socket: %s", descriptor, error.strerror)
        return None
    if not _accepts_streams(listener):
        log.error("socket %d passed by systemd is no stream listener: not served", descriptor)
        listener.detach()  # it stays open, as it came: it is not ours to close
        return None
    listener.setblocking(False)
    return listener


def _accepts_streams(listener: socket.socket) -> bool:
    return listener.type == socket.SOCK_STREAM and bool(
        listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    )
