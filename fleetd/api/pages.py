"""One page at a time: the tokens of the API, and what a page of a list holds.

Rule 1: a token is the page size and the page number, two little-endian 16-bit numbers in URL-safe base64.
Rule 2: after a last page that is full comes an empty one (fleet 1.0).
"""

import base64
import struct
from collections.abc import Sequence
from typing import TypeVar

from fleetd.api.errors import ApiError

T = TypeVar("T")

_TOKEN = struct.Struct("<HH")
_LAST_PAGE = 0xFFFF
_ALPHABET = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_PADDING = ord("=")


def token(size: int, number: int) -> str:
    """The token of a page; pages are counted from 1."""
    return base64.urlsafe_b64encode(_TOKEN.pack(size, number)).decode()


def asked(values: Sequence[str], size: int) -> int:
    """The number of the page that a request asks for by its `nextPageToken`s. Raises ApiError."""
    if not values:
        return 1
    if len(values) > 1:
        raise ApiError(400, "too many values for page token")
    data = _decoded(values[0].encode("utf-8", "surrogateescape"))
    if len(data) < _TOKEN.size:
        raise ApiError(400, "unexpected EOF" if data else "EOF")
    token_size, number = _TOKEN.unpack_from(data)
    if token_size != size:
        raise ApiError(400, f"token limit must be {size}")
    if number == 0:
        raise ApiError(400, "token page must be greater than zero")
    return int(number)


def cut(entries: Sequence[T], *, size: int, number: int) -> tuple[Sequence[T], str | None]:
    """The entries on a page, and the token of the next one if there is one."""
    end = size * number
    more = end <= len(entries) and number < _LAST_PAGE
    return entries[end - size : end], token(size, number + 1) if more else None


def _decoded(text: bytes) -> bytes:
    """What padded URL-safe base64 holds. Raises ApiError with the offset of the first wrong byte."""
    wrong = _first_wrong(text)
    if wrong is not None:
        raise ApiError(400, f"illegal base64 data at input byte {wrong}")
    return base64.urlsafe_b64decode(text.replace(b"\r", b"").replace(b"\n", b""))


def _first_wrong(text: bytes) -> int | None:
    """Where fleet 1.0 says that base64 goes wrong, or None when it does not. Line ends are skipped."""
    places = [place for place, byte in enumerate(text) if byte not in b"\r\n"]
    pending = 0
    for index, place in enumerate(places):
        if text[place] in _ALPHABET:
            pending = (pending + 1) % 4
        elif text[place] != _PADDING:
            return place
        else:
            return _wrong_padding(text, places[index:], pending)
    return len(text) - pending if pending else None


def _wrong_padding(text: bytes, rest: Sequence[int], pending: int) -> int | None:
    """The same, for what begins with the first `=`, after `pending` characters of a group of four."""
    if pending < 2:
        return rest[0]
    needed = 4 - pending
    if len(rest) < needed:
        return len(text)
    if needed == 2 and text[rest[1]] != _PADDING:
        return rest[1] - 1
    return rest[needed] if len(rest) > needed else None
