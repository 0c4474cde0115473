"""Drop-ins on disk: what stands in `NAME.d/*.conf` beside the file of a unit.

Rule 1: which files count is systemd's rule: no hidden ones, only `*.conf`, and for an instance those of its
        template too, where the instance's own win.
Rule 2: what cannot be read is an error that names the file, never a drop-in that is silently missing.
"""

from __future__ import annotations

import os
import posixpath
import stat
from pathlib import Path

from fleetctl.errors import BadUnit
from fleetctl.intent import DropIn
from units.dropins import SUFFIX, name_objection
from units.file import InvalidUnitFile, decode_text, parse_options
from units.name import parse_name

NO_DIRECTORY = (FileNotFoundError, NotADirectoryError)


def drop_ins_of(directory: str, name: str) -> dict[str, DropIn]:
    """The drop-ins in a directory for the unit of this name, by file name. Raises BadUnit."""
    found: dict[str, DropIn] = {}
    for place in places(directory, name):
        found |= {posixpath.basename(path): _read(path) for path in files_in(place)}
    return found


def places(directory: str, name: str) -> list[str]:
    """The directories that may hold drop-ins of the unit, those that win last."""
    parts = parse_name(name)
    names = [parts.template, name] if parts is not None and parts.is_instance else [name]
    return [posixpath.join(directory, f"{one}.d") for one in names]


def files_in(place: str) -> list[str]:
    """The paths of the drop-ins in one directory, in order. Raises BadUnit."""
    return [path for path in _listed(place) if _counts(posixpath.basename(path)) and _holds_text(path)]


def ignored_in(place: str) -> list[str]:
    """The paths there that may have been meant as drop-ins, and are none for their names. Raises BadUnit."""
    return [
        path for path in _listed(place) if not posixpath.basename(path).startswith(".") and not _counts(path)
    ]


def _listed(place: str) -> list[str]:
    try:
        return sorted(str(path) for path in Path(place).iterdir())
    except NO_DIRECTORY:
        return []
    except OSError as error:
        raise BadUnit(f"open {place}: {_words(error)}") from error


def _counts(name: str) -> bool:
    return name.endswith(SUFFIX) and not name.startswith(".")


def _holds_text(path: str) -> bool:
    """Whether it is a file, or what stands for an empty one (/dev/null). Raises BadUnit."""
    try:
        mode = Path(path).stat().st_mode
    except OSError as error:
        raise BadUnit(f"open {path}: {_words(error)}") from error
    return stat.S_ISREG(mode) or os.path.realpath(path) == os.devnull


def _read(path: str) -> DropIn:
    if said := name_objection(posixpath.basename(path)):
        raise BadUnit(f"{path!r}: {said}")
    try:
        text = decode_text(Path(path).read_bytes())
        return DropIn(path, text, parse_options(text))
    except OSError as error:
        raise BadUnit(f"open {path}: {_words(error)}") from error
    except InvalidUnitFile as error:
        raise BadUnit(f"{error} ({path}:{error.line})" if error.line else f"{error} ({path})") from error


def _words(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
