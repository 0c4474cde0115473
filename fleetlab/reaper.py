"""The reaper: a small process beside each lab that takes it down when its owner says so or is no more.

Run as `python -m fleetlab.reaper <lab id> <owner's pid> <owner's start time>`. The owner says so by
closing the pipe that is this process's standard input. It lives in a session of its own: what is
pressed or killed where the owner runs does not reach it.
"""

import os
import select
import signal
import sys

from fleetlab.claims import forget
from fleetlab.processes import Process


def main(lab: str, pid: str, started: str) -> None:
    """Wait for the owner's word or its end, then take the lab down."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    wait_for_owner(Process(int(pid), int(started)))
    forget(lab)


def wait_for_owner(owner: Process) -> None:
    """Return when the owner closes our standard input, or when it is dead."""
    poll = select.poll()
    poll.register(0, select.POLLIN | select.POLLHUP)
    try:
        pidfd = os.pidfd_open(owner.pid)
    except ProcessLookupError:
        return
    # Children of the owner may hold the pipe open longer than the owner lives: so its pid is watched, too.
    poll.register(pidfd, select.POLLIN)
    if owner.alive:
        poll.poll()


if __name__ == "__main__":
    main(*sys.argv[1:])
