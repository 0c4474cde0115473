"""Results for other programs: JSON, and YAML that any reader of YAML 1.1 or 1.2 takes for the same. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

Data = str | bool | int | float | None | Mapping[str, "Data"] | Sequence["Data"]

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@-]*")
_WORDS_OF_YAML = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf"})
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def rendered(form: str, data: Data, *, compact: bool = False) -> str:
    """The text for `json` or `yaml`, without a line end. One of many is `compact`: a line, or a document."""
    if form == "json":
        return json.dumps(data, indent=None if compact else 2)
    return "\n".join([*(["---"] if compact else []), *_yaml(data)])


def _yaml(data: Data) -> Iterator[str]:
    match data:
        case str() | bool() | int() | float() | None:
            yield _scalar(data)
        case Mapping():
            yield from _yaml_of_mapping(data)
        case _:
            yield from _yaml_of_list(data)


def _yaml_of_mapping(data: Mapping[str, Data]) -> Iterator[str]:
    for key, value in data.items():
        if _is_nested(value):
            yield f"{_scalar(key)}:"
            yield from (f"  {line}" for line in _yaml(value))
        else:
            yield f"{_scalar(key)}: {next(_yaml(value))}"
    if not data:
        yield "{}"


def _yaml_of_list(data: Sequence[Data]) -> Iterator[str]:
    for value in data:
        first, *others = _yaml(value)
        yield f"- {first}"
        yield from (f"  {line}" for line in others)
    if not data:
        yield "[]"


def _is_nested(value: Data) -> bool:
    return isinstance(value, Mapping | Sequence) and not isinstance(value, str) and bool(value)


def _scalar(value: Data) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS_OF_YAML:
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)
