"""Unit files on disk, and all that is known about a unit that is to be created.

Rule 1: nothing is changed here: all that is asked for is looked up first, files and registry.
Rule 2: what cannot be read is kept as the error it gave; whether that matters is decided in `intent`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fleetctl.api import Api
from fleetctl.entities import Unit
from fleetctl.errors import BadUnit, FleetctlError, Unreachable
from fleetctl.intent import Candidate, LocalFile
from fleetctl.names import is_pattern, last_part, literal_name, spread, with_type
from units.file import InvalidUnitFile, UnitFile, decode_text
from units.name import UnitName, parse_name

MANY = 4
"""From so many units on, one list is asked for instead of each of them."""


def candidates(api: Api, arguments: Sequence[str], *, replace: bool) -> list[Candidate]:
    """What is known about each unit that is meant, each once. Raises Unreachable, BadUnit."""
    search = _Search(api, MANY if any(map(is_pattern, arguments)) else len(arguments), replace=replace)
    arguments, idle = spread(arguments, search.existing)
    if idle:
        raise BadUnit(f"no unit of the cluster matches {', '.join(idle)}")
    return list({found.name: found for found in map(search.candidate, arguments)}.values())


class _Search:
    """Looks things up, each once."""

    def __init__(self, api: Api, count: int, *, replace: bool) -> None:
        self._api = api
        self._replace = replace
        self._units: dict[str, Unit | None] = {}
        self._all = count >= MANY
        if self._all:
            with _asking("Units"):
                self._units.update({unit.name: unit for unit in api.units()})
        self._files: dict[str, LocalFile | None] = {}

    @property
    def existing(self) -> list[str]:
        """The names of the units that are known to exist."""
        return [name for name, unit in self._units.items() if unit is not None]

    def candidate(self, argument: str) -> Candidate:
        path = self._path(argument)
        name = last_part(path)
        unit, file = self._unit(name), self._file(path)
        parts = parse_name(name)
        if file is not None or parts is None or not parts.is_instance:
            return Candidate(name, path, unit, file)
        return self._from_template(path, unit, parts)

    def _from_template(self, path: str, unit: Unit | None, parts: UnitName) -> Candidate:
        file = self._file(posixpath.join(posixpath.dirname(path), parts.template))
        stored = self._unit(parts.template) if unit is None else None
        return Candidate(parts.full, path, unit, None, parts.template, stored, file)

    def _path(self, argument: str) -> str:
        """The path to look at. It ends in the name of the unit."""
        literal = literal_name(argument)
        if literal is not None and (self._file(argument) is not None or self._unit(literal) is not None):
            return argument
        return with_type(argument)

    def _unit(self, name: str) -> Unit | None:
        if name not in self._units and not self._all:
            with _asking(f"Unit({name})"):
                self._units[name] = self._api.unit(name)
        return self._units.get(name)

    def _file(self, path: str) -> LocalFile | None:
        if path not in self._files:
            self._files[path] = read_file(path)
        return self._files[path]


@contextmanager
def _asking(what: str) -> Iterator[None]:
    try:
        yield
    except FleetctlError as error:
        raise Unreachable(f"error retrieving {what} from Registry: {error}") from error


def read_file(path: str) -> LocalFile | None:
    """The file on disk, with what is wrong with it; None if there certainly is none."""
    try:
        text = decode_text(Path(path).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        said = error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)
        return LocalFile(path, "", BadUnit(f"open {path}: {said}"))
    try:
        return LocalFile(path, text, UnitFile.from_text(text))
    except InvalidUnitFile as error:
        where = f"{path}:{error.line}" if error.line else path
        return LocalFile(path, text, BadUnit(f"{error} ({where})"))
