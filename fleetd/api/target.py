"""What a request line points at: the decoded path, the clean form of it, and the query (fleet 1.0's rules).

Rule 1: the path is matched after percent-decoding; a query parameter that cannot be decoded is dropped.
"""

import re
from urllib.parse import quote, unquote_plus, unquote_to_bytes

from fleetd.api.errors import ApiError
from units.file import decode_text

Query = dict[str, list[str]]

_BAD_ESCAPE = re.compile("%(?![0-9a-fA-F]{2})")
_UNESCAPED = "/:@!$&'()*+,;=~-._"


def parts(raw: str) -> tuple[str, str]:
    """The path and the query of a request line, escaped as they came. A host before them does not count."""
    whole, _, query = raw.partition("?")
    scheme, found, rest = whole.partition("://")
    if not found or "/" in scheme:
        return whole, query
    _, slash, path = rest.partition("/")
    return slash + path, query


def decoded_path(raw: str) -> str:
    """The path behind the percent escapes. Raises ApiError."""
    if _BAD_ESCAPE.search(raw):
        raise ApiError(400, "invalid percent escape in the path")
    return decode_text(unquote_to_bytes(raw.encode("utf-8", "surrogateescape")))


def clean_path(path: str) -> str:
    """The path without double slashes, `.` and `..`; a slash at its end stays."""
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            segments = segments[:-1]
        elif segment not in ("", "."):
            segments.append(segment)
    cleaned = "/" + "/".join(segments)
    return cleaned + "/" if path.endswith("/") and segments else cleaned


def location(path: str, raw_query: str) -> str:
    """Where to send a client whose path was not clean."""
    return quote(path, safe=_UNESCAPED) + (f"?{raw_query}" if raw_query else "")


def query(raw: str) -> Query:
    """The parameters, each with its values in order."""
    found: Query = {}
    for pair in raw.split("&"):
        if pair and not _BAD_ESCAPE.search(pair):
            key, _, value = pair.partition("=")
            found.setdefault(_unquoted(key), []).append(_unquoted(value))
    return found


def _unquoted(text: str) -> str:
    return unquote_plus(text, errors="replace")
