"""verify: everything that is wrong with unit files, before any of them reaches the cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from fleetctl.command import command, words
from fleetctl.inspection import Problem, problems
from fleetctl.names import last_part
from fleetctl.output import USAGE, Stop, complain, say
from fleetctl.session import Session


@command(
    "verify FILE...",
    "Check unit files",
    words("files"),
    description="""\
Reads unit files as the cluster would and tells everything that is wrong with
them, each with its line. Nothing is contacted. The exit status is 1 if the
cluster would refuse a file or could never place its unit, 0 if there are at most
warnings.""",
    example="fleetctl verify units/*.service",
    is_local=True,
)
def verify(session: Session, files: Sequence[str]) -> int:
    """Print what is wrong with each file."""
    if not files:
        raise Stop("Which files? fleetctl verify FILE...", USAGE)
    found = [problem for file in files for problem in _of_file(file)]
    found += _twice(files)
    for problem in found:
        say(str(problem))
    errors = [problem for problem in found if not problem.is_warning]
    if errors:
        bad = len({problem.path for problem in errors})
        complain(f"{len(errors)} error{'s'[: len(errors) > 1]} in {bad} of {len(files)} files")
    return 1 if errors else 0


def _of_file(path: str) -> Sequence[Problem]:
    try:
        data = Path(path).read_bytes()
        text = data.decode()
    except OSError as error:
        return [Problem(path, 0, (error.strerror or str(error)).lower())]
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return [Problem(path, line, "it is not UTF-8 text")]
    return problems(path, last_part(path), text)


def _twice(paths: Sequence[str]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for path in paths:
        other = first.setdefault(last_part(path), path)
        if other != path:
            yield Problem(path, 0, f"{other} is a file of the same unit")
