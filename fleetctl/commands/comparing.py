"""diff: how unit files here differ from the units of the cluster."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from fleetctl.command import command, units_given, words
from fleetctl.errors import BadUnit
from fleetctl.intent import Candidate
from fleetctl.output import complain, doing, say
from fleetctl.session import Session
from fleetctl.unitfiles import candidates

DIFFERS = 2
_COLOURS = {"---": "1", "+++": "1", "@@": "36", "-": "31", "+": "32"}
"""How a line begins, and its colour; the first that fits counts."""


@command(
    "diff UNIT...",
    "Show how local unit files differ from the cluster's units",
    words("units"),
    description="""\
Compares each unit of the cluster with its unit file here, found as `start` finds it:
the given path, or beside it the template of an instance. Both are compared as the
cluster keeps them, without comments. What is only in the cluster is marked with -,
what is only in the file with +: that is what --replace would change.

The exit status is 0 if all are alike, 2 if one differs or is not in the cluster, and
1 if something could not be compared.""",
    example="fleetctl diff web@1.service\nfleetctl diff units/*.service && echo all is deployed",
)
def diff(session: Session, units: Sequence[str]) -> int:
    """Print what differs."""
    units_given(units)
    with doing("Error comparing units"):
        found = candidates(session.api, units, replace=True)
    statuses = [_compared(session, one) for one in found]
    return 1 if 1 in statuses else max(statuses, default=0)


def _compared(session: Session, found: Candidate) -> int:
    """Print the difference of one unit; returns the exit status that belongs to it."""
    file = found.on_disk
    if file is None:
        beside = f", nor {found.template} beside it" if found.template else ""
        known = "" if found.unit else f", and no unit {found.name} in the cluster"
        complain(f"There is no file {found.path}{beside}{known}")
        return 1
    if isinstance(file.content, BadUnit):
        complain(f"Error comparing units: {file.content}")
        return 1
    if found.unit is None:
        complain(f"Unit {found.name} is not in the cluster (fleetctl submit {found.path})")
        return DIFFERS
    lines = list(_lines(found.unit.file.text, file.content.text, found.name, file.path))
    for line in lines:
        say(_painted(line) if session.colours else line)
    return DIFFERS if lines else 0


def _lines(stored: str, local: str, name: str, path: str) -> Iterator[str]:
    files = f"{name} in the cluster", path
    return difflib.unified_diff(stored.splitlines(), local.splitlines(), *files, lineterm="")


def _painted(line: str) -> str:
    from fleetctl.colours import painted

    colour = next((colour for begin, colour in _COLOURS.items() if line.startswith(begin)), "")
    return painted(line, colour) if colour else line
