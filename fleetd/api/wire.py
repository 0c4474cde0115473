"""Records as the API shows them: compact JSON, keys in alphabetical order, empty fields left out.

Rule 1: the bytes are those of fleet 1.0 (`spec/api-v1.md` §4 and §7): `<>&` and the two separators of
        JavaScript are escaped, and nothing ever breaks UTF-8.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

from registry.explanation import filled
from registry.records import Job, Picture, Report
from units.file import Option, UnitFile
from units.machine import Machine

Entity = dict[str, Any]

_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_SHORT = {"\\b": "\\u0008", "\\f": "\\u000c"}
_SURROGATE = re.compile("[\ud800-\udfff]")


def encode(value: Entity) -> bytes:
    """The JSON of an entity, a page or an error."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for char, escape in _ESCAPES.items():
        text = text.replace(char, escape)
    if "\\b" in text or "\\f" in text:
        text = re.sub(r"\\.", lambda found: _SHORT.get(found[0], found[0]), text)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text).encode()


def error(status: int, message: str) -> bytes:
    """The body of every answer that is no success."""
    return encode({"error": {"code": status, "message": message}})


def page(kind: str, entities: Iterable[Entity], next_token: str | None) -> bytes:
    """One page of `units`, `states` or `machines`."""
    parts = {kind: list(entities), "nextPageToken": next_token or ""}
    return encode(filled(dict(sorted(parts.items()))))


def unit(job: Job, file: UnitFile, *, current: str, machine: str) -> Entity:
    """A Unit; `current` and `machine` are left out when empty."""
    return filled(
        {
            "currentState": current,
            "desiredState": str(job.desired),
            "machineID": machine,
            "name": job.name,
            "options": [_option(option) for option in file.options],
        }
    )


def machine(present: Machine) -> Entity:
    """A Machine."""
    return filled(
        {
            "id": present.id,
            "metadata": dict(sorted(present.metadata.items())),
            "primaryIP": present.ip,
        }
    )


def reports(picture: Picture) -> list[Report]:
    """What present machines say, by unit name, then machine ID."""
    return [
        by_machine[machine_id]
        for _, by_machine in sorted(picture.reports.items())
        for machine_id in sorted(by_machine)
        if machine_id in picture.machines
    ]


def _option(option: Option) -> Entity:
    return filled({"name": option.name, "section": option.section, "value": option.value})
