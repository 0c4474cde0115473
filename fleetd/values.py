"""How the values of options are written: each kind reads one text, or says what it would accept.

Rule 1: a value of the wrong kind is never taken for another (fleet 1.0 made it 0 or false in silence).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """One way to write values. `read` raises ValueError, whose text (if any) is the cause."""

    accepts: str
    read: Callable[[str], T]
    doubts: Callable[[str], tuple[str, ...]] = lambda _: ()
    """What an accepted text contains that is left out, in words."""


_INTEGER = re.compile(r"([+-]?)(?:0[xX]([0-9a-fA-F]+)|0([0-7]*)|([1-9][0-9]{0,18}))", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_TRUE = frozenset(["1", "t", "T", "true", "TRUE", "True"])
_FALSE = frozenset(["0", "f", "F", "false", "FALSE", "False"])


def _read_integer(text: str) -> int:
    if not (found := _INTEGER.fullmatch(text)):
        raise ValueError
    sign, hexadecimal, octal, decimal = found.groups(default="")
    base = 16 if hexadecimal else 10 if decimal else 8
    size = int(hexadecimal or decimal or octal or "0", base)
    return -size if sign == "-" else size


def _read_number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError
    return float(text)


def _read_bool(text: str) -> bool:
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError


def _positive(text: str) -> float:
    if (seconds := _read_number(text)) <= 0:
        raise ValueError
    return seconds


def _not_negative(text: str) -> float:
    if (seconds := _read_number(text)) < 0:
        raise ValueError
    return seconds


def _read_page_size(text: str) -> int:
    """Cut to 16 bits, as a page token holds it; a page of no entries would never end."""
    if not (size := _read_integer(text) & 0xFFFF):
        raise ValueError("a page must hold something")
    return size


def _read_count(text: str) -> int:
    if (number := _read_integer(text)) < 0:
        raise ValueError
    return number


COUNT = Kind("a whole number, 0 or more", _read_count)
INTEGER = Kind("a whole number: decimal, 0x… or 0…", _read_integer)
BOOL = Kind("one of 1 t T true TRUE True, or 0 f F false FALSE False", _read_bool)
STRING = Kind("any text", str)
SECONDS = Kind("a number of seconds, above 0", _positive)
SECONDS_OR_NEVER = Kind("a number of seconds, or 0 for no limit", _not_negative)
PAGE_SIZE = Kind("a whole number from 1 to 65535", _read_page_size)


def choice(*accepted: int) -> Kind[int]:
    """One of a few whole numbers."""

    def read(text: str) -> int:
        if (number := _read_integer(text)) not in accepted:
            raise ValueError
        return number

    return Kind(" or ".join(map(str, accepted)), read)


_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)([^\d.]*)", re.ASCII)
_SHORTEST_TTL = 1.0


def duration(text: str) -> float:
    """Seconds, from numbers with units put together (`1m30s`). ValueError in the words of 1.0."""
    sign, rest = (text[0], text[1:]) if text[:1] in ("+", "-") else ("", text)
    if rest == "0":
        return 0.0
    if not rest:
        raise ValueError(f'time: invalid duration "{text}"')
    seconds = 0.0
    while rest:
        if not (part := _PART.match(rest)):
            raise ValueError(f'time: invalid duration "{text}"')
        if not part[2]:
            raise ValueError(f'time: missing unit in duration "{text}"')
        if part[2] not in _UNITS:
            raise ValueError(f'time: unknown unit "{part[2]}" in duration "{text}"')
        seconds += float(part[1]) * _UNITS[part[2]]
        rest = rest[part.end() :]
    return -seconds if sign == "-" else seconds


def _read_ttl(text: str) -> float:
    if (seconds := duration(text)) < _SHORTEST_TTL:
        raise ValueError("shorter than a lease of etcd can be")
    return seconds


TTL = Kind("a duration of at least 1s: numbers with units, such as 30s, 1m30s or 1.5h", _read_ttl)


def _items(text: str) -> list[str]:
    return [item.lstrip(' ["').rstrip(' "]') for item in text.split(",")]


def _read_servers(text: str) -> tuple[str, ...]:
    servers = tuple(item for item in _items(text) if item)
    for server in servers:
        url = urlsplit(server)
        if url.scheme not in ("http", "https") or not url.hostname or " " in server:
            raise ValueError(f'"{server}" is no such URL')
        _ = url.port  # raises ValueError for one that is no port
    if not servers:
        raise ValueError("no server is named")
    return servers


def _empty_servers(text: str) -> tuple[str, ...]:
    return ("an empty item in the list",) if "" in _items(text) else ()


SERVERS = Kind("URLs, http:// or https://, separated by commas", _read_servers, _empty_servers)


def _read_metadata(text: str) -> Mapping[str, str]:
    """`a=b,c=d`: cut at the first `=`, trimmed; the last of equal keys wins (fleet 1.0)."""
    pairs = (part.split("=", 1) for part in text.split(",") if "=" in part)
    return MappingProxyType({key.strip(): value.strip() for key, value in pairs})


def _metadata_doubts(text: str) -> tuple[str, ...]:
    parts = [part for part in text.split(",") if part.strip()]
    without = tuple(f'"{part.strip()}" has no "="' for part in parts if "=" not in part)
    keys = [part.split("=", 1)[0].strip() for part in parts if "=" in part]
    twice = tuple(f'an earlier value of "{key}"' for key in sorted(set(keys)) if keys.count(key) > 1)
    return without + twice


METADATA = Kind("key=value pairs, separated by commas", _read_metadata, _metadata_doubts)
