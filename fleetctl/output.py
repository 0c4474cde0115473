"""How commands speak: results on stdout, all else on stderr, and how they end."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from fleetctl.errors import FleetctlError

USAGE = 64
INTERRUPTED = 130


class Stop(Exception):
    """The command ends here: with what is to be said on stderr (if anything) and its exit status."""

    def __init__(self, said: str = "", status: int = 1) -> None:
        super().__init__(said)
        self.said = said
        self.status = status


def say(text: str) -> None:
    """One line of result, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """One line that is not a result, at once and after all results so far."""
    sys.stdout.flush()
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except OSError:  # there is nobody to tell: the command goes on
        discard(sys.stderr)


def discard(stream: TextIO) -> None:
    """From now on what is written there goes nowhere, what is still held back included."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def fill_closed_streams() -> None:
    """Put /dev/null in place of standard streams that are closed (`fleetctl stop a 2>&-`).

    A connection that got the number of one would be written to by mistake.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)
            os.dup2(opened, number)
            if opened != number:
                os.close(opened)
            os.set_inheritable(number, True)
            setattr(sys, name, os.fdopen(number, "w" if number else "r"))


def log_line(level: str, text: str) -> None:
    """A line in the form of fleet 1.0's log, which some of its messages had: time, level, place, text."""
    from datetime import datetime

    caller = sys._getframe(1)
    place = f"{caller.f_globals.get('__name__', 'fleetctl').rpartition('.')[2]}.py:{caller.f_lineno}"
    complain(f"{datetime.now().astimezone():%Y/%m/%d %H:%M:%S} {level} {place}: {text}")


@contextmanager
def doing(what: str, *, status: int = 1) -> Iterator[None]:
    """What fails in here ends the command, saying `<what>: <cause>`."""
    try:
        yield
    except FleetctlError as error:
        raise Stop(f"{what}: {error}", status) from error
