"""A cluster's wishes in one file: units with their contents and desired states, and dynamic metadata. Pure.

Rule 1: what is not wholly sound is not read at all; every fault is named.
Rule 2: a file of a newer format is refused, an unknown field of a known one is not.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fleetctl.api import Metadata
from fleetctl.entities import INACTIVE, LAUNCHED, LOADED, Setting, Unit
from fleetctl.errors import FleetctlError
from units.file import InvalidUnitFile, UnitFile, content_hash
from units.name import InvalidName, check_name
from units.requirements import InvalidRequirements, check_requirements

FORMAT: Final = "fleet-backup"
VERSION: Final = 1
_KEY = re.compile(r"[A-Za-z0-9_.-]+")
_MACHINE = re.compile(r"[^/]+")


class BadBackup(FleetctlError):
    """The file is no backup that can be restored; the text names every fault."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One unit as it is kept."""

    name: str
    text: str
    desired: str

    @property
    def settings(self) -> tuple[Setting, ...]:
        """Its content as the API takes it."""
        return tuple(Setting(o.section, o.name, o.value) for o in UnitFile.from_stored(self.text).options)

    @property
    def hash(self) -> str:
        """What tells its content from others."""
        return content_hash(self.text)


@dataclass(frozen=True, slots=True)
class Backup:
    """All that is kept."""

    units: Mapping[str, Kept]
    metadata: Metadata


def taken(units: tuple[Unit, ...], metadata: Metadata) -> Backup:
    """The backup of a cluster that has these."""
    kept = {unit.name: Kept(unit.name, unit.file.text, unit.desired or INACTIVE) for unit in units}
    return Backup(kept, metadata)


def written(backup: Backup, *, at: str) -> str:
    """The text of the file. `at` says when it was made, for people."""
    texts = {kept.hash: kept.text for kept in backup.units.values()}
    said = {
        "format": FORMAT,
        "version": VERSION,
        "created": at,
        "units": [
            {"name": kept.name, "desiredState": kept.desired, "hash": kept.hash}
            for _, kept in sorted(backup.units.items())
        ],
        "files": dict(sorted(texts.items())),
        "metadata": {id: dict(sorted(values.items())) for id, values in sorted(backup.metadata.items())},
    }
    return json.dumps({**said, "checksum": _checksum(said)}, indent=2) + "\n"


def read(text: str) -> Backup:
    """The backup in a file. Raises BadBackup."""
    said = _document(text)
    faults = [*_file_faults(said), *_unit_faults(said), *_metadata_faults(said)]
    if faults:
        raise BadBackup("; ".join(faults))
    files: dict[str, str] = said["files"]
    units = {
        unit["name"]: Kept(unit["name"], files[unit["hash"]], unit["desiredState"]) for unit in said["units"]
    }
    return Backup(units, said["metadata"])


def _document(text: str) -> Mapping[str, Any]:
    """The JSON, once it is certain that all of it is there. Raises BadBackup."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadBackup(f"it is no JSON: {error}") from error
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise BadBackup(f'it is no backup of fleet (its "format" is not "{FORMAT}")')
    if said.get("version") != VERSION:
        raise BadBackup(f"it is of version {said.get('version')!r}, and this fleetctl reads {VERSION} only")
    checksum = said.pop("checksum", None)
    if checksum != _checksum(said):
        raise BadBackup("its checksum is not that of its content: it is damaged, or has been edited")
    parts = {"units": list, "files": dict, "metadata": dict}
    if wrong := [name for name, kind in parts.items() if not isinstance(said.get(name), kind)]:
        raise BadBackup(f"it lacks {', '.join(wrong)}")
    return said


def _file_faults(said: Mapping[str, Any]) -> Iterator[str]:
    for hash, text in said["files"].items():
        if not isinstance(text, str) or content_hash(text) != hash:
            yield f"the content {hash} is not what its hash says"
            continue
        try:
            check_requirements(UnitFile.from_stored(text).options)
        except (InvalidUnitFile, InvalidRequirements) as error:
            yield f"the content {hash} is no unit file: {error}"


def _unit_faults(said: Mapping[str, Any]) -> Iterator[str]:
    names: set[str] = set()
    for unit in said["units"]:
        match unit:
            case {"name": str(name), "hash": str(hash), "desiredState": str(desired)}:
                if name in names:
                    yield f"unit {name} is there twice"
                names.add(name)
                yield from _faults_of(name, hash, desired, said["files"])
            case _:
                yield f"{json.dumps(unit)[:80]} is no unit"


def _faults_of(name: str, hash: str, desired: str, files: Mapping[str, str]) -> Iterator[str]:
    try:
        check_name(name)
    except InvalidName as error:
        yield f"unit {name!r}: {error}"
    if hash not in files:
        yield f"unit {name}: its content {hash} is missing"
    if desired not in (INACTIVE, LOADED, LAUNCHED):
        yield f"unit {name}: its desired state is {desired!r}"


def _metadata_faults(said: Mapping[str, Any]) -> Iterator[str]:
    for machine, values in said["metadata"].items():
        if not _MACHINE.fullmatch(machine) or not isinstance(values, dict):
            yield f"the metadata of machine {machine!r} cannot be read"
            continue
        for key, value in values.items():
            if not _KEY.fullmatch(key) or not isinstance(value, str):
                yield f"machine {machine}: the metadata {key!r} cannot be set"


def _checksum(said: Mapping[str, Any]) -> str:
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
    return f"sha256:{hashlib.sha256(canonical).hexdigest()}"
