"""Reading the bodies of requests the way fleet 1.0 read them (`spec/api-v1.md` §4).

Rule 1: keys match in any case, unknown ones are ignored, the last of equal ones wins, `null` says nothing
        of a word and empties a list.
Rule 2: only the first JSON value counts; what follows it is ignored.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from units.file import Option, decode_text

T = TypeVar("T")

_BLANKS = " \t\r\n"
_SURROGATE = re.compile("[\ud800-\udfff]")
_CUT_NUMBER = re.compile(r"(?<=[0-9])(?:\.|[eE][+-]?)")
"""What follows the part of a number that is whole, when the rest of it is missing."""
_WORDS = ("true", "false", "null")


class Undecodable(ValueError):
    """The body is not what the API takes; the message says where and why."""


@dataclass(frozen=True, slots=True)
class UnitBody:
    """What a PUT of a unit says; what it leaves out is empty."""

    name: str
    desired: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class MetadataOperation:
    """One operation of a PATCH of machines, not checked yet."""

    op: str
    path: str
    value: str


class _Members(list[tuple[str, Any]]):
    """The members of a JSON object, in order, repeated ones too."""


def unit_body(body: bytes) -> UnitBody:
    """The unit in the body of a PUT. Raises Undecodable."""
    fields = _fields(
        _first_value(body), "the body", {"name": _text, "desiredState": _text, "options": _options}
    )
    return UnitBody(fields.get("name", ""), fields.get("desiredState", ""), fields.get("options", ()))


def metadata_operations(body: bytes) -> tuple[MetadataOperation, ...]:
    """The operations in the body of a PATCH; `null` is an empty list. Raises Undecodable."""
    return tuple(_each(_first_value(body), "the body", _operation))


def _operation(value: Any, where: str) -> MetadataOperation:
    fields = _fields(value, where, {"op": _text, "path": _text, "value": _patch_value})
    return MetadataOperation(fields.get("op", ""), fields.get("path", ""), fields.get("value", ""))


def _patch_value(value: Any, where: str) -> str:
    return str(_fields(value, where, {"value": _text}).get("value", ""))


def _options(value: Any, where: str) -> tuple[Option, ...]:
    return tuple(_each(value, where, _option))


def _option(value: Any, where: str) -> Option:
    if value is None:
        raise Undecodable(f"{where} is null, expected an object")
    fields = _fields(value, where, {"section": _text, "name": _text, "value": _text})
    return Option(fields.get("section", ""), fields.get("name", ""), fields.get("value", ""))


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise Undecodable(f"{where} is {_kind(value)}, expected a string")
    return _SURROGATE.sub("\ufffd", value)


def _each(value: Any, where: str, read: Callable[[Any, str], T]) -> Iterator[T]:
    if value is None:
        return
    if not isinstance(value, list) or isinstance(value, _Members):
        raise Undecodable(f"{where} is {_kind(value)}, expected a list")
    for index, item in enumerate(value):
        yield read(item, f"{where}[{index}]")


def _fields(value: Any, where: str, readers: dict[str, Callable[[Any, str], Any]]) -> dict[str, Any]:
    """The known members of an object, read; `null` is an object without members."""
    if value is None:
        return {}
    if not isinstance(value, _Members):
        raise Undecodable(f"{where} is {_kind(value)}, expected an object")
    known = {name.casefold(): name for name in readers}
    found: dict[str, Any] = {}
    for key, member in value:
        name = known.get(key.casefold())
        if name is None:
            continue
        if member is not None:
            found[name] = readers[name](member, f"{where}.{name}")
        elif readers[name] is not _text:
            found.pop(name, None)
    return found


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case _Members():
            return "an object"
        case list():
            return "a list"
        case _:
            return "a number"


def _first_value(body: bytes) -> Any:
    text = decode_text(body).strip(_BLANKS)
    if not text:
        raise Undecodable("EOF")
    try:
        value, end = _DECODER.raw_decode(text)
    except json.JSONDecodeError as error:
        if _is_cut_short(text, error):
            raise Undecodable("unexpected EOF") from None
        raise Undecodable(f"invalid JSON: {error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise Undecodable("invalid JSON: nested too deep") from None
    if _CUT_NUMBER.fullmatch(text, end):
        raise Undecodable("unexpected EOF")
    return value


def _is_cut_short(text: str, error: json.JSONDecodeError) -> bool:
    """Whether more text could have made it valid."""
    rest = text[error.pos :]
    if error.msg.startswith("Unterminated string"):
        return True
    if error.msg.startswith("Invalid \\u") or error.msg.startswith("Invalid \\escape"):
        return '"' not in rest and len(rest) < len("\\uXXXX")
    if _CUT_NUMBER.fullmatch(text, error.pos):
        return True
    if error.msg == "Expecting value" and (rest == "-" or any(word.startswith(rest) for word in _WORDS)):
        return True
    return not rest


def _refuse_constant(name: str) -> NoReturn:
    raise json.JSONDecodeError(f"{name} is no JSON value", name, 0)


def _members(pairs: Sequence[tuple[str, Any]]) -> _Members:
    return _Members(pairs)


# Numbers stand nowhere in these bodies: they are recognised, not computed (they may be very long).
_DECODER = json.JSONDecoder(
    object_pairs_hook=_members,
    parse_constant=_refuse_constant,
    parse_int=lambda _: 0,
    parse_float=lambda _: 0.0,
)
