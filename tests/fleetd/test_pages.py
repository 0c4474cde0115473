"""Page tokens as fleet 1.0 wrote, read and refused them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetd.api import pages
from fleetd.api.errors import ApiError

TOKENS = {"ZAABAA==": (100, 1), "ZAACAA==": (100, 2), "AwACAA==": (3, 2), "AwD__w==": (3, 65535)}


@pytest.mark.parametrize(("token", "page"), TOKENS.items(), ids=TOKENS)
def test_token(token: str, page: tuple[int, int]) -> None:
    size, number = page
    assert pages.token(size, number) == token
    assert pages.asked([token], size) == number


REFUSED = {
    "given twice": (["AwACAA==", "AwACAA=="], "too many values for page token"),
    "three characters": (["xxx"], "illegal base64 data at input byte 0"),
    "a plus": (["A+A="], "illegal base64 data at input byte 1"),
    "a slash": (["/wACAA=="], "illegal base64 data at input byte 0"),
    "no padding": (["AwACAA"], "illegal base64 data at input byte 4"),
    "half the padding": (["AwACAA="], "illegal base64 data at input byte 7"),
    "padding at the start": (["===="], "illegal base64 data at input byte 0"),
    "padding after one": (["A==="], "illegal base64 data at input byte 1"),
    "something after the padding": (["AwACAA==A"], "illegal base64 data at input byte 8"),
    "a letter within the padding": (["AwACAA=A"], "illegal base64 data at input byte 6"),
    "no character of base64": (["Aä=="], "illegal base64 data at input byte 1"),
    "empty": ([""], "EOF"),
    "one byte": (["AA=="], "unexpected EOF"),
    "three bytes": (["AAAA"], "unexpected EOF"),
    "another size": (["ZAACAA=="], "token limit must be 3"),
    "page 0": (["AwAAAA=="], "token page must be greater than zero"),
}


@pytest.mark.parametrize(("values", "said"), REFUSED.values(), ids=REFUSED)
def test_refused_token(values: list[str], said: str) -> None:
    with pytest.raises(ApiError) as error:
        pages.asked(values, 3)
    assert (error.value.status, error.value.message) == (400, said)


def test_no_token_is_the_first_page() -> None:
    assert pages.asked([], 3) == 1


def test_bytes_beyond_the_fourth_and_line_ends_are_ignored() -> None:
    assert pages.asked(["AwACAAAA"], 3) == 2
    assert pages.asked(["AwAC\r\nAA==\n"], 3) == 2


CUTS = {
    "nothing": (0, 1, [], False),
    "less than a page": (2, 1, [0, 1], False),
    "exactly a page announces another": (3, 1, [0, 1, 2], True),
    "which is empty": (3, 2, [], False),
    "more than a page": (4, 1, [0, 1, 2], True),
    "the rest": (4, 2, [3], False),
    "far past the end": (4, 65535, [], False),
}


@pytest.mark.parametrize(("total", "number", "entries", "more"), CUTS.values(), ids=CUTS)
def test_cut(total: int, number: int, entries: list[int], more: bool) -> None:
    found, following = pages.cut(range(total), size=3, number=number)
    assert list(found) == entries
    assert following == (pages.token(3, number + 1) if more else None)


@given(total=st.integers(0, 500), size=st.integers(1, 50))
def test_following_the_tokens_shows_everything_once(total: int, size: int) -> None:
    seen: list[int] = []
    token: list[str] = []
    while True:
        found, following = pages.cut(range(total), size=size, number=pages.asked(token, size))
        seen += found
        if following is None:
            break
        token = [following]
    assert seen == list(range(total))


@given(st.text("ABab09-_=+/ \r\nä", max_size=10))
def test_any_text_is_a_page_or_a_bad_request(text: str) -> None:
    with suppress(ApiError):
        assert pages.asked([text], 3) > 0
