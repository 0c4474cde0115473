"""verify: everything that is wrong with unit files, before any of them reaches the cluster."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from fleetctl.command import command, words
from fleetctl.dropins import files_in, ignored_in, places
from fleetctl.errors import BadUnit
from fleetctl.inspection import Problem, problems
from fleetctl.names import last_part
from fleetctl.output import USAGE, Stop, complain, say
from fleetctl.session import Session
from units.dropins import name_objection


@command(
    "verify FILE...",
    "Check unit files",
    words("files"),
    description="""\
Reads unit files and their drop-ins as the cluster would and tells everything that
is wrong with them, each with its line. Nothing is contacted. The exit status is 1 if the
cluster would refuse a file or could never place its unit, 0 if there are at most
warnings.""",
    example="fleetctl verify units/*.service",
    is_local=True,
)
def verify(session: Session, files: Sequence[str]) -> int:
    """Print what is wrong with each file."""
    if not files:
        raise Stop("Which files? fleetctl verify FILE...", USAGE)
    found = {file: [*_of_file(file)] for file in files}
    for problem in _twice(files):
        found[problem.path].append(problem)
    for problem in (problem for of_one in found.values() for problem in of_one):
        say(str(problem))
    errors = [sum(not problem.is_warning for problem in of_one) for of_one in found.values()]
    if count := sum(errors):
        bad = len(found) - errors.count(0)
        complain(f"{count} error{'s'[: count > 1]} in {bad} of {len(found)} files")
    return 1 if any(errors) else 0


def _of_file(path: str) -> Sequence[Problem]:
    text = _text(path)
    if isinstance(text, Problem):
        return [text]
    name = last_part(path)
    drop_ins, found = _drop_ins(posixpath.dirname(path), name)
    return [*problems(path, name, text, drop_ins), *found]


def _drop_ins(directory: str, name: str) -> tuple[Mapping[str, str], Sequence[Problem]]:
    """The texts of the drop-ins beside a unit file by path, and what is wrong with them as files."""
    paths: dict[str, str] = {}
    found: list[Problem] = []
    for place in places(directory, name):
        said = f"it is ignored: {name_objection('')}"
        try:
            found += [Problem(path, 0, said, is_warning=True) for path in ignored_in(place)]
            paths |= {posixpath.basename(path): path for path in files_in(place)}
        except BadUnit as error:
            found.append(Problem(place, 0, str(error)))
    texts: dict[str, str] = {}
    for file, path in sorted(paths.items()):
        text = _text(path)
        wrong = Problem(path, 0, said) if (said := name_objection(file) or "") else text
        if isinstance(wrong, Problem):
            found.append(wrong)
        else:
            texts[path] = wrong
    return texts, found


def _text(path: str) -> str | Problem:
    try:
        return Path(path).read_bytes().decode()
    except OSError as error:
        return Problem(path, 0, (error.strerror or str(error)).lower())
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return Problem(path, line, "it is not UTF-8 text")


def _twice(paths: Sequence[str]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for path in paths:
        other = first.setdefault(last_part(path), path)
        if other != path:
            yield Problem(path, 0, f"{other} is a file of the same unit")
