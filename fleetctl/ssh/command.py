"""ProxyCommand: a connection that a command makes, whose stdin and stdout are its two directions."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

ENDING = 5.0
"""Seconds that the command has to end by itself."""


@contextmanager
def by_command(command: str) -> Iterator[socket.socket]:
    """A connection by a command line of the shell, until the context ends."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = subprocess.Popen(
            f"exec {command}", shell=True, stdin=theirs.fileno(), stdout=theirs.fileno()
        )
        theirs.close()
        try:
            yield ours
        finally:
            ours.close()
            process.terminate()
            try:
                process.wait(ENDING)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
