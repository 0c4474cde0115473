"""What can go wrong in a lab, and what to do about it.

LabError
├── NotPossible     this machine cannot run a lab: the text says what is missing
├── NoSuch          no lab, host or member of that name: look at `fleet-lab ls`
├── AlreadyThere    the name is taken: choose another, or take the old one down
├── CommandFailed   a command ended badly: its output is in `result`
└── TimedOut        what was waited for did not come: `last` is what was seen instead
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended and what it said."""

    exit_code: int
    stdout: str
    stderr: str


class LabError(Exception):
    """Anything a lab has to say to the one who uses it."""


class NotPossible(LabError):
    """This machine lacks something that a lab needs."""


class NoSuch(LabError):
    """There is no lab, host or member of that name."""


class AlreadyThere(LabError):
    """A lab or host of that name is there already."""


class CommandFailed(LabError):
    """A command ended with another code than 0."""

    def __init__(self, where: str, command: Sequence[str], result: Result) -> None:
        said = (result.stderr or result.stdout).strip()
        super().__init__(f"{where}: `{shlex.join(command)}` ended with {result.exit_code}: {said}")
        self.where = where
        self.command = tuple(command)
        self.result = result


class TimedOut(LabError):
    """A fact did not come true in its time."""

    def __init__(self, what: str, timeout: float, last: object) -> None:
        super().__init__(f"waited {timeout:g} s for {what}; last seen: {last!r}")
        self.what = what
        self.last = last
