"""Ports of loopback for servers of the tests."""

import itertools
import os
import socket
from contextlib import suppress

EACH = 2000
"""So many ports each worker of pytest has to itself, from FIRST on."""
FIRST = 10_000


def _of_this_worker() -> range:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 10
    first = FIRST + worker * EACH
    return range(first, first + EACH)


_ports = itertools.cycle(_of_this_worker())
for _ in range(os.getpid() % EACH):  # two runs at the same time seldom begin with the same
    next(_ports)


def free_port() -> int:
    """A port that nobody listens on now, and that stays free until it is used.

    It is none of those (above 32767) that the kernel gives to connections, nor another worker's.
    """
    while True:
        port = next(_ports)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
