"""A unit as the layout of fleet 1.0 holds it: `object`, `target-state`, and the content they name. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.codec import Corrupt
from registry.etcd2 import values
from registry.etcd2.nodes import Node
from registry.records import Job
from units.file import UnitFile
from units.name import InvalidName, check_name
from units.requirements import Requirements
from units.state import TargetState

OBJECT: Final = "object"
TARGET: Final = "target"
TARGET_STATE: Final = "target-state"
JOB_STATE: Final = "job-state"

HALF_WRITTEN: Final = "has no target-state yet"


def job_of(name: str, rows: Mapping[str, Node], files: Mapping[str, UnitFile]) -> Job | None:
    """The job that the keys below `job/<name>` hold, None if they hold none. Raises Corrupt.

    A unit is global if its content says so; one whose content is not at hand is taken for one that is not.
    Without a target-state it is half written (1.0 creates it in two writes), or with a target half gone.
    """
    if (node := rows.get(OBJECT)) is None:
        return None
    try:
        check_name(name)
    except InvalidName as error:
        raise Corrupt(str(error)) from error
    try:
        hash = values.read_object(name, node.value)
    except Corrupt as error:
        raise Corrupt(f"object {error}") from error
    if (state := rows.get(TARGET_STATE)) is None:
        raise Corrupt("has no target-state" if TARGET in rows else HALF_WRITTEN)
    try:
        desired = TargetState.parse(state.value)
    except ValueError as error:
        raise Corrupt(f"target-state: {error}") from error
    file = files.get(hash)
    is_global = file is not None and Requirements.of(name, file.options).is_global
    return Job(name, hash, desired, is_global, max(node.modified, state.modified))


def files_hash(name: str, rows: Mapping[str, Node]) -> str | None:
    """The hash of the content that a job names, or None when it cannot be read."""
    try:
        return values.read_object(name, rows[OBJECT].value) if OBJECT in rows else None
    except Corrupt:
        return None
