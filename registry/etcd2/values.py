"""The values of fleet 1.0's layout: from records to text, and back (etcd2-layout.md §3).

Rule 1: what is written is what 1.0 writes, byte for byte; fields of ours come after its own.
Rule 2: what is read may lack fields, hold others, spell their names in any case: as 1.0 reads it.
Rule 3: what cannot be read raises `Corrupt` with a sentence, and nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from registry.codec import Corrupt
from registry.records import Leader, Report
from units.file import InvalidUnitFile, UnitFile
from units.machine import Machine

HASH_BYTES: Final = 20
GENERAL_CAPABILITIES: Final = ("DISABLE_ENGINE", "GRPC")
"""Those that 1.0 always writes, whether a machine has them or not."""

_ESCAPES: Final = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_SHORT: Final = {"\\b": "\\u0008", "\\f": "\\u000c"}
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def go_json(value: object) -> str:
    """Compact JSON as 1.0's runtime writes it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for char, escape in _ESCAPES.items():
        text = text.replace(char, escape)
    if "\\b" in text or "\\f" in text:
        text = re.sub(r"\\.", lambda found: _SHORT.get(found[0], found[0]), text)
    return _SURROGATE.sub("\ufffd", text)


def write_object(name: str, hash: str) -> str:
    """A job's `object`: its name, and the hash as 20 numbers."""
    return go_json({"Name": name, "UnitHash": list(bytes.fromhex(hash))})


def write_file(file: UnitFile) -> str:
    """A content."""
    return go_json({"Raw": file.text})


def write_state(report: Report) -> str:
    """A report; `launched`, `since` and what troubles the unit are ours, nobody else reads them."""
    trouble = {"reason": report.reason, "failures": report.failures}
    machine = {"ID": report.machine, "PublicIP": "", "Metadata": None, "Capabilities": None, "Version": ""}
    return go_json(
        {
            "loadState": report.load,
            "activeState": report.active,
            "subState": report.sub,
            "machineState": machine,
            "unitHash": report.hash,
            "launched": report.launched,
            "since": report.since,
            **{word: value for word, value in trouble.items() if value},
        }
    )


def write_machine(machine: Machine) -> str:
    """A machine's record; capabilities that 1.0 does not know come after its own."""
    known = {word: word in machine.capabilities for word in GENERAL_CAPABILITIES}
    ours = {word: True for word in sorted(machine.capabilities.difference(GENERAL_CAPABILITIES))}
    return go_json(
        {
            "ID": machine.id,
            "PublicIP": machine.ip,
            "Metadata": dict(sorted(machine.metadata.items())),
            "Capabilities": {**known, **ours},
            "Version": machine.version,
        }
    )


def write_leader(leader: Leader) -> str:
    """The value of the leader's lease."""
    return go_json({"MachineID": leader.machine, "Version": leader.version})


def read_object(name: str, text: str) -> str:
    """The hash that a job's `object` names."""
    fields = _Fields(text)
    if (said := fields.text("name")) != name:
        raise Corrupt(f"holds the unit {said!r}")
    numbers = fields.value("unithash") or []
    if not isinstance(numbers, list) or not all(_is_byte(n) for n in numbers):
        raise Corrupt("the field 'UnitHash' is no list of bytes")
    return bytes((numbers + [0] * HASH_BYTES)[:HASH_BYTES]).hex()


def read_file(hash: str, text: str) -> UnitFile:
    """A unit file; one with another hash than its key is not given out (1.0 does not check)."""
    try:
        file = UnitFile.from_stored(_Fields(text).text("raw"))
    except InvalidUnitFile as error:
        raise Corrupt(f"is no unit file: {error}") from error
    if file.hash != hash:
        raise Corrupt(f"holds a unit file with another hash: {file.hash}")
    return file


def read_state(machine: str, name: str, text: str, *, launched: bool) -> Report:
    """What a machine says of a unit. `launched` is what `job-state` says; 1.0 says it only there."""
    fields = _Fields(text)
    said, since = fields.value("launched"), fields.value("since")
    return Report(
        machine,
        name,
        fields.text("unithash"),
        fields.text("loadstate"),
        fields.text("activestate"),
        fields.text("substate"),
        launched=said if isinstance(said, bool) else launched,
        since=float(since) if isinstance(since, int | float) else 0.0,
        reason=fields.text("reason"),
        failures=failures if isinstance(failures := fields.value("failures"), int) else 0,
    )


def read_machine(id: str, text: str) -> Machine | None:
    """A machine, or None for one with an empty ID, which is none (1.0)."""
    fields = _Fields(text)
    if not (said := fields.text("id")):
        return None
    if said != id:
        raise Corrupt(f"holds the machine {said!r}")
    metadata = fields.mapping("metadata", str, "texts")
    capabilities = fields.mapping("capabilities", bool, "truth values")
    has = frozenset(word for word, there in capabilities.items() if there)
    return Machine(id, fields.text("publicip"), metadata, fields.text("version"), has)


def read_leader(text: str) -> Leader:
    """The leader; a value that is no such JSON is a bare machine ID with version 0 (1.0)."""
    try:
        fields = _Fields(text)
        version = fields.value("version") or 0
        if isinstance(version, int) and not isinstance(version, bool):
            return Leader(fields.text("machineid"), version)
    except Corrupt:
        pass
    return Leader(text, 0)


def _is_byte(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= 255


class _Fields:
    """A JSON object read as 1.0 reads it: names in any case, what is missing or null is empty."""

    def __init__(self, text: str) -> None:
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Corrupt(f"is no JSON: {error}") from error
        if not isinstance(fields, dict):
            raise Corrupt("is no JSON object")
        self._fields = {str(name).lower(): value for name, value in fields.items()}

    def value(self, name: str) -> Any:
        return self._fields.get(name)

    def text(self, name: str) -> str:
        value = self._fields.get(name)
        if value is not None and not isinstance(value, str):
            raise Corrupt(f"the field {name!r} is no text")
        return value or ""

    def mapping(self, name: str, wanted: type, what: str) -> Mapping[str, Any]:
        value = self._fields.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict) or not all(isinstance(one, wanted) for one in value.values()):
            raise Corrupt(f"the field {name!r} is no object of {what}")
        return value
