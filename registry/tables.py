"""From changes of keys to pictures.

Rule 1: a picture that is given away never changes; the next one shares with it all that did not change.
Rule 2: what cannot be read is listed with what is wrong with it, and what it replaced is gone.
Rule 3: a key means the same whatever was there before: the order of other keys never matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Final

from registry import codec
from registry.keys import Key, Keys, Kind
from registry.records import Job, Picture
from units.file import UnitFile
from units.machine import Machine, merged_metadata

NO_FILES: Final[Mapping[str, UnitFile]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Change:
    """One key has now this value, or with None no longer exists."""

    key: str
    value: bytes | None
    revision: int


@dataclass(frozen=True, slots=True)
class Tables:
    """A picture, and what it takes to make the next one."""

    keys: Keys
    picture: Picture = field(default_factory=lambda: Picture(0))
    configured: Mapping[str, Machine] = field(default_factory=dict)
    """By machine ID, the machines as they said themselves."""
    dynamic: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By machine ID, what was set through the API, of machines present or not."""

    def after(
        self, changes: Iterable[Change], revision: int, known: Mapping[str, UnitFile] = NO_FILES
    ) -> Tables:
        """The tables at a later revision, after these changes in their order.

        `known` are files read before by their hashes: their text need not be parsed again.
        """
        draft = _Draft(self, known)
        for change in changes:
            draft.take(change)
        return draft.tables(revision)


_CONTENT: Final = tuple(f.name for f in fields(Picture) if f.name != "revision")


def same_content(one: Picture, other: Picture) -> bool:
    """Whether nothing has changed between two pictures of one view but the revision."""
    return all(getattr(one, name) is getattr(other, name) for name in _CONTENT)


class _Draft:
    """The next tables while they are made: a table is copied when it is first written to, never before."""

    def __init__(self, start: Tables, known: Mapping[str, UnitFile]) -> None:
        picture = start.picture
        self._known = known
        self._start = start
        self._flat: dict[str, Mapping[str, Any]] = {name: getattr(picture, name) for name in _FLAT}
        self._deep: dict[str, Mapping[str, Mapping[str, Any]]] = {
            n: getattr(picture, n) for n in _DEEP.values()
        }
        self._flat["configured"] = start.configured
        self._deep["dynamic"] = start.dynamic
        self._leader = picture.leader
        self._copied: set[str | tuple[str, str]] = set()

    def take(self, change: Change) -> None:
        key = self._start.keys.named_by(change.key)
        if key is None:
            return
        try:
            record = None if change.value is None else _record(key, change, self._known)
        except codec.Corrupt as error:
            self._set("broken", change.key, str(error))
            record = None
        else:
            self._set("broken", change.key, None)
        self._place(key, record)

    def _place(self, key: Key, record: Any) -> None:
        match key.kind:
            case Kind.UNIT:
                self._set("files", key.name, record)
            case Kind.JOB | Kind.GLOBAL:
                self._set_job(key, record)
            case Kind.MACHINE:
                self._set("configured", key.machine, record)
                self._merge(key.machine)
            case Kind.LEFT:
                self._set("left", key.machine, record)
            case Kind.METADATA:
                self._set_deep("dynamic", key.machine, key.name, record)
                self._merge(key.machine)
            case Kind.LEADER:
                self._leader = record
            case _:
                self._set_deep(_DEEP[key.kind], key.name, key.machine, record)

    def tables(self, revision: int) -> Tables:
        flat, deep = self._flat, self._deep
        picture = Picture(
            revision=revision,
            jobs=flat["jobs"],
            files=flat["files"],
            schedule=deep["schedule"],
            machines=flat["machines"],
            left=flat["left"],
            reports=deep["reports"],
            offers=deep["offers"],
            bids=deep["bids"],
            dynamic=deep["dynamic"],
            leader=self._leader,
            broken=flat["broken"],
        )
        return Tables(self._start.keys, picture, flat["configured"], deep["dynamic"])

    def _set_job(self, key: Key, job: Job | None) -> None:
        """A name lives in one of two places: that one of them is empty says nothing of the other."""
        is_global = key.kind is Kind.GLOBAL
        there: Job | None = self._flat["jobs"].get(key.name)
        if job is not None or (there is not None and there.is_global == is_global):
            self._set("jobs", key.name, job)

    def _merge(self, id: str) -> None:
        """Build a present machine again from what it said and what was set."""
        machine: Machine | None = self._flat["configured"].get(id)
        if machine is not None:
            metadata = merged_metadata(machine.metadata, self._deep["dynamic"].get(id, {}))
            machine = Machine(id, machine.ip, metadata, machine.version, machine.capabilities)
        self._set("machines", id, machine)

    def _set(self, table: str, key: str, value: object | None) -> None:
        """Put a value into a table of the picture, or with None take it out."""
        rows = self._flat[table]
        if value is None and key not in rows:
            return
        if table not in self._copied:
            self._copied.add(table)
            rows = self._flat[table] = dict(rows)
        _put(rows, key, value)

    def _set_deep(self, table: str, outer: str, inner: str, value: object | None) -> None:
        """The same for a table of tables, which loses a row when the last of it is gone."""
        rows = self._deep[table]
        row = rows.get(outer, {})
        if value is None and inner not in row:
            return
        if table not in self._copied:
            self._copied.add(table)
            rows = self._deep[table] = dict(rows)
        if (table, outer) not in self._copied:
            self._copied.add((table, outer))
            row = dict(row)
        _put(row, inner, value)
        _put(rows, outer, row or None)


_FLAT: Final = ("jobs", "files", "machines", "left", "broken")
_DEEP: Final = {Kind.SCHEDULE: "schedule", Kind.STATE: "reports", Kind.OFFER: "offers", Kind.BID: "bids"}


def _put(rows: Mapping[str, Any], key: str, value: object | None) -> None:
    """Change a table that this draft has copied, and so may change."""
    assert isinstance(rows, dict)
    if value is None:
        rows.pop(key, None)
    else:
        rows[key] = value


def _record(key: Key, change: Change, files: Mapping[str, UnitFile]) -> object:
    """What a change says, read; Corrupt when it cannot be."""
    value = change.value or b""
    match key.kind:
        case Kind.UNIT:
            return _file(key.name, value, files)
        case Kind.JOB | Kind.GLOBAL:
            return codec.read_job(key, value, is_global=key.kind is Kind.GLOBAL, version=change.revision)
        case Kind.SCHEDULE:
            return codec.read_entry(key, value, version=change.revision)
        case Kind.OFFER:
            return codec.read_offer(key, value)
        case Kind.BID:
            return codec.read_bid(key, value)
        case Kind.MACHINE:
            return codec.read_machine(key, value)
        case Kind.METADATA | Kind.LEFT:
            return codec.read_text(value)
        case Kind.STATE:
            return codec.read_report(key, value)
        case Kind.LEADER:
            return codec.read_leader(value)


def _file(hash: str, value: bytes, known: Mapping[str, UnitFile]) -> UnitFile:
    """A unit file; one that is known already is not read again."""
    file = known.get(hash)
    return file if file is not None and codec.encode_file(file) == value else codec.read_file(hash, value)
