"""Paths and queries taken apart and put together again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetd.api.errors import ApiError
from fleetd.api.target import clean_path, decoded_path, location, parts, query

PARTS = {
    "/a/b": ("/a/b", ""),
    "/a?b=c?d": ("/a", "b=c?d"),
    "/a?": ("/a", ""),
    "/a#b": ("/a#b", ""),
    "*": ("*", ""),
    "http://host:1/a?b": ("/a", "b"),
    "http://host": ("", ""),
    "http://host?b": ("", "b"),
    "/a?b=http://c/d": ("/a", "b=http://c/d"),
    "/http://c": ("/http://c", ""),
}


@pytest.mark.parametrize(("raw", "expected"), PARTS.items(), ids=list(PARTS))
def test_parts_of_a_request_line(raw: str, expected: tuple[str, str]) -> None:
    assert parts(raw) == expected


CLEAN = {
    "": "/",
    "/": "/",
    "//": "/",
    "/a//b": "/a/b",
    "/a/./b": "/a/b",
    "/a/../b": "/b",
    "/../a": "/a",
    "/a/b/": "/a/b/",
    "/a/b//": "/a/b/",
    "/a/..": "/",
    "/a/b/..": "/a",
    "/a/.": "/a",
    "/.../a": "/.../a",
}


@pytest.mark.parametrize(("path", "clean"), CLEAN.items(), ids=list(CLEAN))
def test_clean_path(path: str, clean: str) -> None:
    assert clean_path(path) == clean


@given(st.text("ab./", max_size=12))
def test_what_was_cleaned_is_clean(path: str) -> None:
    assert clean_path(clean_path(path)) == clean_path(path)


@given(st.text(max_size=12))
def test_a_location_leads_to_the_path_it_was_made_of(path: str) -> None:
    assert decoded_path(location(path, "")) == path


@pytest.mark.parametrize("raw", ["/%", "/%z1", "/a%2"])
def test_a_bad_escape_is_refused(raw: str) -> None:
    with pytest.raises(ApiError):
        decoded_path(raw)


def test_bytes_of_a_path_that_are_not_utf8_are_one_replacement_character_each() -> None:
    assert decoded_path("/a%e2%82b\udcff") == "/a\ufffd\ufffdb\ufffd"


QUERIES = {
    "": {},
    "a=b": {"a": ["b"]},
    "a=b&a=c&d": {"a": ["b", "c"], "d": [""]},
    "a=b+c%26": {"a": ["b c&"]},
    "a=%zz&b=1": {"b": ["1"]},
    "%zz=a&b=1": {"b": ["1"]},
    "&&a=1=2&": {"a": ["1=2"]},
    "A=1": {"A": ["1"]},
}


@pytest.mark.parametrize(("raw", "expected"), QUERIES.items(), ids=list(QUERIES))
def test_query(raw: str, expected: dict[str, list[str]]) -> None:
    assert query(raw) == expected
