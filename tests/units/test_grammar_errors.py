"""What is no unit file, what fleet 1.0 said of it, and the line where it is wrong."""

import pytest

from units.file import InvalidUnitFile, parse_options

SECTIONS = {
    "text after a header is garbage": (
        "[Unit] junk\nA=b\n",
        "found garbage after section name : [106 117 110 107]",
    ),
    "a comment after a header is garbage": (
        "[Unit] # c\nA=b\n",
        "found garbage after section name : [35 32 99]",
    ),
    "a header without its bracket is refused": ("[Unit\nA=b\n", "unable to find end of section"),
}
OPTIONS = {
    "a line without an equals sign is refused": (
        "[Unit]\nnoequals\n",
        "unexpected newline encountered while parsing option name",
    ),
    "an input that ends in a name is refused": ("[Unit]\nnoequals", "EOF"),
    "a line of nonsense is refused though others follow": (
        "[Unit]\nnonsense upon stilts\nA=b\n",
        "unexpected newline encountered while parsing option name",
    ),
    "an equals sign on the next line is too late": (
        "[Unit]\nA\n=b\n",
        "unexpected newline encountered while parsing option name",
    ),
}
CARRIAGE_RETURNS = {
    "a CR after the backslash ends the value": (
        "[Unit]\nA=one\\\r\ntwo\r\nB=c\n",
        "unexpected newline encountered while parsing option name",
    ),
    "a lone CR ends no line": ("[Unit]\rA=b\r", "found garbage after section name : [65 61 98]"),
    "a CR in a name is refused like a newline": (
        "[Unit]\nA\r\n=b\n",
        "unexpected newline encountered while parsing option name",
    ),
}

REFUSED = SECTIONS | OPTIONS | CARRIAGE_RETURNS


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("strict", [True, False], ids=["coming in", "stored"])
def test_refusing(text: str, message: str, strict: bool) -> None:
    with pytest.raises(InvalidUnitFile) as caught:
        parse_options(text, strict=strict)
    assert str(caught.value) == message


LINES = {
    "a line without an equals sign": ("[Unit]\nA=b\n\nnoequals\n", 4),
    "text after a header": ("[Unit]\nA=b\n[Service] junk\n", 3),
    "a header that never ends": ("# c\n[Unit\nA=b\n", 2),
    "a name that ends the input": ("[Unit]\nA=b\nlast", 3),
    "a line after a continued value": ("[Unit]\nA=b\\\nc\nbad\n", 4),
    "a line that is too long": ("[Unit]\nA=b\nB=" + "x" * 3000, 3),
}


@pytest.mark.parametrize(("text", "line"), LINES.values(), ids=LINES)
def test_an_error_names_its_line(text: str, line: int) -> None:
    with pytest.raises(InvalidUnitFile) as caught:
        parse_options(text)
    assert caught.value.line == line
