"""White space in unit files is what fleet 1.0 took for it, no more and no less."""

import pytest

from units.file import parse_options, serialize

BLANKS = [*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B)]
WIDE_BLANKS = [0x2028, 0x2029, 0x202F, 0x205F, 0x3000]
NO_BLANKS = [0x00, 0x08, 0x0E, 0x1C, 0x1D, 0x1E, 0x1F, 0x7F, 0x180E, 0x200B, 0x2060, 0xFEFF]


@pytest.mark.parametrize("code", [*BLANKS, *WIDE_BLANKS], ids=hex)
def test_white_space_around_an_option_is_lost(code: int) -> None:
    blank = "" if chr(code) in "\r\n" else chr(code)  # these two may not stand in a name
    text = f"[Unit]{blank}\n{chr(code)}A{blank}={blank}b{blank}\n"
    assert serialize(parse_options(text)) == "[Unit]\nA=b\n"


@pytest.mark.parametrize("code", NO_BLANKS, ids=hex)
def test_anything_else_around_an_option_stays(code: int) -> None:
    text = f"[Unit]\n{chr(code)}A={chr(code)}b{chr(code)}\n"
    assert serialize(parse_options(text)) == text
