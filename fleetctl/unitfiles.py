"""Unit files on disk with their drop-ins, and all that is known about a unit that is to be created.

Rule 1: nothing is changed here: all that is asked for is looked up first, files and registry.
Rule 2: what cannot be read is kept as the error it gave; whether that matters is decided in `intent`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from fleetctl.api import Api
from fleetctl.dropins import drop_ins_of
from fleetctl.entities import Unit
from fleetctl.errors import BadUnit, FleetctlError, Unreachable
from fleetctl.intent import Candidate, DropIn, LocalFile
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
        self._files: dict[tuple[str, str], LocalFile | None] = {}

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
        directory = posixpath.dirname(path)
        template = posixpath.join(directory, parts.template)
        stored = self._unit(parts.template) if unit is None else None
        return Candidate(
            parts.full,
            path,
            unit,
            template=parts.template,
            template_unit=stored,
            template_file=self._file(template),
            instance_file=self._file(template, parts.full),
            drop_ins=_own_drop_ins(directory, parts) if stored is not None else {},
        )

    def _path(self, argument: str) -> str:
        """The path to look at. It ends in the name of the unit."""
        literal = literal_name(argument)
        if literal is None:
            return with_type(argument)
        known = self._file(argument) is not None or self._unit(literal) is not None
        return argument if known or self._has_template(argument, literal) else with_type(argument)

    def _has_template(self, path: str, name: str) -> bool:
        parts = parse_name(name)
        if parts is None or not parts.is_instance:
            return False
        template = posixpath.join(posixpath.dirname(path), parts.template)
        return self._file(template) is not None or self._unit(parts.template) is not None

    def _unit(self, name: str) -> Unit | None:
        if name not in self._units and not self._all:
            with _asking(f"Unit({name})"):
                self._units[name] = self._api.unit(name)
        return self._units.get(name)

    def _file(self, path: str, name: str = "") -> LocalFile | None:
        key = path, name or last_part(path)
        if key not in self._files:
            self._files[key] = read_file(*key)
        return self._files[key]


@contextmanager
def _asking(what: str) -> Iterator[None]:
    try:
        yield
    except FleetctlError as error:
        raise Unreachable(f"error retrieving {what} from Registry: {error}") from error


def read_file(path: str, name: str) -> LocalFile | None:
    """The file on disk as the unit of this name has it, with the drop-ins beside it.

    What is wrong with any of them is the content; None if there certainly is no such file.
    """
    try:
        text = decode_text(Path(path).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        said = error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)
        return LocalFile(path, "", BadUnit(f"open {path}: {said}"))
    try:
        drop_ins = drop_ins_of(posixpath.dirname(path), name)
        content = _with(UnitFile.from_text(text), drop_ins)
    except BadUnit as error:
        return LocalFile(path, text, error)
    except InvalidUnitFile as error:
        where = f"{path}:{error.line}" if error.line else path
        return LocalFile(path, text, BadUnit(f"{error} ({where})"))
    return LocalFile(path, text, content, tuple(drop_ins.values()))


def _with(file: UnitFile, drop_ins: Mapping[str, DropIn]) -> UnitFile:
    """The file with its drop-ins; an empty one stays empty, and is refused later. Raises InvalidUnitFile."""
    return file.with_drop_ins({name: one.options for name, one in drop_ins.items()}) if file.options else file


def _own_drop_ins(directory: str, parts: UnitName) -> Mapping[str, DropIn] | BadUnit:
    """Those of an instance alone: the template's came into the cluster with the template."""
    try:
        found = drop_ins_of(directory, parts.full)
    except BadUnit as error:
        return error
    own = posixpath.join(directory, f"{parts.full}.d")
    return {name: one for name, one in found.items() if posixpath.dirname(one.path) == own}
