"""What paramiko's transport lacks: the signal that ended a command, and connections to unix sockets there.

The one place that touches paramiko's inside.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import Any

import paramiko
from paramiko.common import MSG_CHANNEL_REQUEST, cMSG_CHANNEL_OPEN
from paramiko.message import Message

_STREAMLOCAL = "direct-streamlocal@openssh.com"
_HEAD = cMSG_CHANNEL_OPEN + len(_STREAMLOCAL).to_bytes(4, "big") + _STREAMLOCAL.encode()


def words_of(error: Exception) -> str:
    """What an exception of paramiko says, for people."""
    said = error.text if isinstance(error, paramiko.ChannelException) else str(error)
    return said[:1].lower() + said[1:] or type(error).__name__


class FleetTransport(paramiko.Transport):
    """An SSH connection."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self.daemon = True
        self._path = ""
        table = dict(paramiko.Transport._channel_handler_table)  # type: ignore[attr-defined]
        self._channel_handler_table = {**table, MSG_CHANNEL_REQUEST: _handle_request}

    def prefer_host_keys(self, kinds: Sequence[str]) -> None:
        """Ask the host for a key of one of these types only; of any if there are none."""
        wanted = {algorithm for kind in kinds for algorithm in _ALGORITHMS.get(kind, (kind,))}
        options = self.get_security_options()
        if chosen := [k for k in options.key_types if k in wanted]:
            options.key_types = chosen

    def open_unix(self, path: str, timeout: float) -> paramiko.Channel:
        """A connection to a unix socket on the host. Raises paramiko's exceptions."""
        self._path = path
        try:
            return self.open_channel(_STREAMLOCAL, timeout=timeout)
        finally:
            self._path = ""

    def _send_user_message(self, data: Message) -> None:
        if self._path and data.asbytes().startswith(_HEAD):
            data.add_string(self._path)
            data.add_string("")
            data.add_int(0)
        super()._send_user_message(data)  # type: ignore[misc]


_ALGORITHMS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")}


def _handle_request(channel: paramiko.Channel, message: Message) -> None:
    """Take a signal that ended the command for its exit status, as shells do."""
    if message.get_text() != "exit-signal":
        message.rewind()
        message.get_int()
        channel._handle_request(message)  # type: ignore[attr-defined]
        return
    message.get_boolean()
    number = getattr(signal, f"SIG{message.get_text()}", None)
    channel.exit_status = 128 + number if isinstance(number, signal.Signals) else 255
    channel.status_event.set()
