"""JSON as fleet 1.0 wrote it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetd.api import wire

TEXTS = {
    "plain": ("a", b'"a"'),
    "brackets and ampersands": ("<a&b>", rb'"\u003ca\u0026b\u003e"'),
    "separators of JavaScript": ("\u2028\u2029", rb'"\u2028\u2029"'),
    "named control characters": ("\n\r\t", rb'"\n\r\t"'),
    "other control characters": ("\x00\x08\x0c\x1f", rb'"\u0000\u0008\u000c\u001f"'),
    "delete": ("\x7f", b'"\x7f"'),
    "quotes and backslashes": ('"\\', rb'"\"\\"'),
    "a backslash before a b": ("\\b \\f", rb'"\\b \\f"'),
    "two backslashes before a backspace": ("\\\\\x08", rb'"\\\\\u0008"'),
    "other languages": ("é漢", '"é漢"'.encode()),
    "half a character": ("a\ud800b", '"a\ufffdb"'.encode()),
}


@pytest.mark.parametrize(("text", "expected"), TEXTS.values(), ids=TEXTS)
def test_text(text: str, expected: bytes) -> None:
    assert wire.encode({"": text}) == b'{"":' + expected + b"}"


@given(st.dictionaries(st.text(), st.text() | st.lists(st.text())))
def test_what_is_written_reads_back(value: dict[str, Any]) -> None:
    written = wire.encode(value)
    assert json.loads(written) == value
    assert not set(b"<>&") & set(written)


def test_an_error_says_code_before_message() -> None:
    assert wire.error(404, "") == b'{"error":{"code":404,"message":""}}'


def test_an_empty_page_is_two_bytes() -> None:
    assert wire.page("units", [], None) == b"{}"


@pytest.mark.parametrize("kind", ["units", "states", "machines"])
def test_the_keys_of_a_page_are_in_alphabetical_order(kind: str) -> None:
    keys = list(json.loads(wire.page(kind, [{"name": "a"}], "AwACAA==")))
    assert keys == sorted([kind, "nextPageToken"])
