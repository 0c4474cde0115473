"""Log lines for journald with their fields, over its native socket (systemd.io/JOURNAL_NATIVE_PROTOCOL).

Rule 1: a line is one entry, however many lines its text has.
Rule 2: what journald does not take at once goes to standard error instead.
"""

import logging
import os
import re
import socket
import struct
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from units.name import KNOWN_TYPES

SOCKET = Path("/run/systemd/journal/socket")
NAMED = 16
"""So many units and machines of one line at most become fields."""

_PRIORITIES = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}
_UNIT = re.compile(rf"[A-Za-z0-9:_.@\\-]+\.(?:{'|'.join(sorted(KNOWN_TYPES))})\b")
_MACHINE = re.compile(r"\b[0-9a-f]{32}\b")


def is_listening(environment: Mapping[str, str], descriptor: int = 2) -> bool:
    """Whether this descriptor leads to journald, as systemd says (`JOURNAL_STREAM`, systemd.exec(5))."""
    try:
        there = os.fstat(descriptor)
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM") == f"{there.st_dev}:{there.st_ino}"


class JournalHandler(logging.Handler):
    """Sends each line with what it is about."""

    def __init__(self, path: Path = SOCKET) -> None:
        super().__init__()
        self._path = str(path)
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler."""
        try:
            text = self.format(record)
            try:
                self._line.sendto(entry(record, text), self._path)
            except OSError:
                print(text, file=sys.stderr, flush=True)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """See logging.Handler."""
        self._line.close()
        super().close()


def entry(record: logging.LogRecord, text: str) -> bytes:
    """The datagram of one line."""
    return b"".join(_field(name, value) for name, value in _fields(record, text))


def _fields(record: logging.LogRecord, text: str) -> Iterator[tuple[str, str]]:
    yield "MESSAGE", text
    yield "PRIORITY", str(_PRIORITIES.get(record.levelno, 6))
    yield "SYSLOG_IDENTIFIER", "fleetd"
    yield "LOGGER", record.name
    yield "CODE_FILE", record.pathname
    yield "CODE_LINE", str(record.lineno)
    yield "CODE_FUNC", record.funcName or ""
    message = record.getMessage()
    for name, pattern in (("UNIT", _UNIT), ("MACHINE_ID", _MACHINE)):
        found = dict.fromkeys(pattern.findall(message))
        yield from ((name, value) for value in list(found)[:NAMED])


def _field(name: str, value: str) -> bytes:
    data = value.encode("utf-8", "replace")
    if b"\n" not in data:
        return name.encode() + b"=" + data + b"\n"
    return name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n"
