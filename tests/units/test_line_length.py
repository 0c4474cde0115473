"""No line of a unit file that comes in may have 2048 bytes; what is stored is read all the same."""

import pytest

from units.file import InvalidUnitFile, UnitFile, parse_options

TOO_LONG = "line too long (max 2048 bytes)"
HEAD = "[Unit]\n"

ACCEPTED = {
    "2047 bytes": HEAD + "A=" + "x" * 2045 + "\n",
    "a comment of 2047 bytes": HEAD + "#" + "x" * 2046 + "\n",
    "a first line of 2048 bytes": "#" + "x" * 2047 + "\n[Unit]\nA=b\n",
    "each line of a continued value for itself": HEAD + "A=" + "x" * 1500 + "\\\n" + "x" * 1500 + "\n",
    "a line of 2047 bytes that ends in CR LF": HEAD + "A=" + "x" * 2045 + "\r\n",
    "1023 letters of two bytes": HEAD + "A=" + "ü" * 1022 + "x\n",
}
REFUSED = {
    "2048 bytes": HEAD + "A=" + "x" * 2046 + "\n",
    "2048 bytes without a newline": HEAD + "A=" + "x" * 2046,
    "a comment of 2048 bytes": HEAD + "#" + "x" * 2047 + "\n",
    "a first line of 2049 bytes": "#" + "x" * 2048 + "\n[Unit]\nA=b\n",
    "one line of a continued value": HEAD + "A=" + "x" * 1500 + "\\\n" + "x" * 2500 + "\n",
    "bytes count, not letters": HEAD + "A=" + "ü" * 1023 + "\n",
    "a header": HEAD + "[" + "x" * 2047 + "]\nA=b\n",
    "garbage before the first header, in its second line": "\n" + "x" * 2048 + "\n[Unit]\nA=b\n",
    # fleet 1.0 let this one pass: it lost sight of long lines late in what it had read.
    "a long line after 2049 bytes of short ones": HEAD + "A=b\n" * 511 + "A=" + "x" * 2500 + "\n",
}
SHA1 = {
    "2047 bytes": "424c789ed42e6b99471f75b5a17dfe468960b19d",
    "each line of a continued value for itself": "78412399893f90ebd21df0ffbeae0bef6265e2ea",
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED)
def test_accepting(text: str) -> None:
    parse_options(text)


@pytest.mark.parametrize(("sentence", "sha1"), SHA1.items(), ids=SHA1)
def test_the_hash_of_long_lines(sentence: str, sha1: str) -> None:
    assert UnitFile.from_text(ACCEPTED[sentence]).hash == sha1


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_refusing(text: str) -> None:
    with pytest.raises(InvalidUnitFile) as caught:
        parse_options(text)
    assert str(caught.value) == TOO_LONG


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_is_stored_is_read_all_the_same(text: str) -> None:
    assert UnitFile.from_stored(text).text == text


FIRST_ERROR = {
    "a broken line before the long one is named": (HEAD + "bad\n" + "x" * 3000, 2),
    "the long line before a broken one is named": (HEAD + "A=" + "x" * 3000 + "\nbad\n", 2),
    "a long line that is broken, too, is too long": (HEAD + "A=b\n" + "x" * 3000, 3),
}


@pytest.mark.parametrize(("text", "line"), FIRST_ERROR.values(), ids=FIRST_ERROR)
def test_the_first_error_is_named(text: str, line: int) -> None:
    with pytest.raises(InvalidUnitFile) as caught:
        parse_options(text)
    assert caught.value.line == line
    assert (str(caught.value) == TOO_LONG) is not ("bad\n" + "x" in text)
