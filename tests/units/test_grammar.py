"""How a unit file reads: every row of the grammar of fleet 1.0, with the hash the original gave it."""

import pytest

from tests.units.slow_grammar import slow_options
from units.file import UnitFile, content_hash, parse_options, serialize

SECTIONS = {
    "a section without options leaves no trace": (
        "[A]\n[B]\nx=1\n",
        "[B]\nx=1\n",
        "d9d53935f9a92e489c81e2fd9b7b4817c9fc6da2",
    ),
    "the name of a section keeps its blanks": (
        "[ Unit ]\nA=b\n",
        "[ Unit ]\nA=b\n",
        "e606cf11fcdeac971e3d91082489811fd3084285",
    ),
    "blanks after a header are allowed": (
        "[Unit]  \nA=b\n",
        "[Unit]\nA=b\n",
        "9936816f25a659b2b12b116e85777205069365a9",
    ),
    "blanks before the first header are allowed": (
        "  [Unit]\nA=b\n",
        "[Unit]\nA=b\n",
        "9936816f25a659b2b12b116e85777205069365a9",
    ),
    "a header may follow garbage on its line": (
        "x[Unit]\nA=b\n",
        "[Unit]\nA=b\n",
        "9936816f25a659b2b12b116e85777205069365a9",
    ),
    "a later header may be indented": (
        "[Unit]\nA=b\n  [Service]\nC=d\n",
        "[Unit]\nA=b\n\n[Service]\nC=d\n",
        "15198ee141262a7373642612b80a9cc8855529d7",
    ),
    "the name of a section may hold a newline": (
        "[Un\nit]\nA=b\n",
        "[Un\nit]\nA=b\n",
        "ece5ac160e1847c5a1a369362dde11fdb51419bc",
    ),
    "the name of a section may be empty": (
        "[]\nA=b\n",
        "[]\nA=b\n",
        "60395f5c248f563a8933c2a23a6700554e8136d0",
    ),
    "an empty section before another one is dropped": (
        "[Unit]\n[Service]\nA=b\n",
        "[Service]\nA=b\n",
        "09bc49de4b62ab233087161d26cc9162bbb5fd36",
    ),
}
OPTIONS = {
    "names and values are trimmed and inner blanks stay": (
        "[Unit]\n  A  =  b c  \n",
        "[Unit]\nA=b c\n",
        "59d158b5cb95cce1739b8d08bd9d39dfa54c5099",
    ),
    "tabs are trimmed like blanks": (
        "[Unit]\n\tA\t=\tb\t\n",
        "[Unit]\nA=b\n",
        "9936816f25a659b2b12b116e85777205069365a9",
    ),
    "a blank value is an empty value": (
        "[Unit]\nA=   \n",
        "[Unit]\nA=\n",
        "f50ddd7cc298eb56d587b4f813f200acdb2cb73f",
    ),
    "the input may end after the equals sign": (
        "[Unit]\nA=",
        "[Unit]\nA=\n",
        "f50ddd7cc298eb56d587b4f813f200acdb2cb73f",
    ),
    "the name of an option may be empty": (
        "[Unit]\n=b\n",
        "[Unit]\n=b\n",
        "5710117e50ed65bbf786aa1b81c38cc2ae99feb5",
    ),
    "an equals sign in a value is part of it": (
        "[Unit]\nA=b=c\n",
        "[Unit]\nA=b=c\n",
        "da4f130682175551dbb8aba9756f711a96574aad",
    ),
    "a value may begin with an equals sign": (
        "[Unit]\nA==c\n",
        "[Unit]\nA==c\n",
        "caad208e705d75455a272cd87fd97b94a3841e77",
    ),
    "a name may hold a blank": (
        "[Unit]\nA b=c\n",
        "[Unit]\nA b=c\n",
        "8fab962faa3c47caf93796518685e9462e90217a",
    ),
    "a name may be anything at all": (
        "[Unit]\n>>>>=x\n",
        "[Unit]\n>>>>=x\n",
        "2656e2a3dd1f8f26076f197fefb50b3f51f8e375",
    ),
    "a section that comes again is one section": (
        "[Unit]\nA=b\n[Unit]\nA=c\n",
        "[Unit]\nA=b\nA=c\n",
        "f3a9eb6e8dfe51d99356404513ee667c47750fc5",
    ),
}
COMMENTS = {
    "lines after a hash or semicolon are dropped": (
        "[Unit]\n# c\n; c\nA=b\n",
        "[Unit]\nA=b\n",
        "9936816f25a659b2b12b116e85777205069365a9",
    ),
    "comments may be indented": (
        "[Unit]\n  # indented\nA=b\n",
        "[Unit]\nA=b\n",
        "9936816f25a659b2b12b116e85777205069365a9",
    ),
    "a hash in a value is no comment": (
        "[Unit]\nA=b # not a comment\n",
        "[Unit]\nA=b # not a comment\n",
        "9d070fc3eb29a9257a09a161c7cc0c75efaa1008",
    ),
    "a semicolon in a value is no comment": (
        "[Unit]\nA=b ; not a comment\n",
        "[Unit]\nA=b ; not a comment\n",
        "57781ef240bb2669aa7003f19583f0c641baddd6",
    ),
    "a backslash at its end makes the next line a comment": (
        "[Unit]\n# c \\\nB=x\nA=b\n",
        "[Unit]\nA=b\n",
        "9936816f25a659b2b12b116e85777205069365a9",
    ),
    "one blank after that backslash is forgiven": (
        "[Unit]\n# c \\ \nB=x\nA=b\n",
        "[Unit]\nA=b\n",
        "9936816f25a659b2b12b116e85777205069365a9",
    ),
    "two blanks after that backslash are not": (
        "[Unit]\n# c \\  \nB=x\nA=b\n",
        "[Unit]\nB=x\nA=b\n",
        "65428afff86b8b3cc90a3848c5f4818e4eeb8f66",
    ),
    "a continued comment may hide the first header": (
        "# c \\\n[Unit]\nA=b\n[Service]\nC=d\n",
        "[Service]\nC=d\n",
        "a48f7858c24d7ec546f22efd56beb1cc4cdb5ae8",
    ),
    "a comment may end the input": (
        "[Unit]\nA=b\n# last, no newline",
        "[Unit]\nA=b\n",
        "9936816f25a659b2b12b116e85777205069365a9",
    ),
}
CONTINUATIONS = {
    "backslash and newline stay in the value": (
        "[Unit]\nA=one \\\ntwo\n",
        "[Unit]\nA=one \\\ntwo\n",
        "168a5ea59fb82b5170babe02e0b70522a5a8431b",
    ),
    "a value may begin with a continuation": (
        "[Unit]\nA=\\\none\n",
        "[Unit]\nA=\\\none\n",
        "72a03bad3422fc0b60d6db311d0c57dd23a52337",
    ),
    "an empty line ends a continued value and leaves a newline": (
        "[Unit]\nA=one\\\n\nB=x\n",
        "[Unit]\nA=one\\\n\nB=x\n",
        "05ee29929b240fe88ab30391466a99bc216283f6",
    ),
    "a blank line does the same": (
        "[Unit]\nA=one\\\n   \nB=x\n",
        "[Unit]\nA=one\\\n\nB=x\n",
        "05ee29929b240fe88ab30391466a99bc216283f6",
    ),
    "a comment inside a continued value is part of it": (
        "[Unit]\nA=one\\\n# still value\nB=x\n",
        "[Unit]\nA=one\\\n# still value\nB=x\n",
        "97cb48942a8b6da87e0182008813bba2e1f696db",
    ),
    "a header inside a continued value is part of it": (
        "[Unit]\nA=one\\\n[Service]\nB=x\n",
        "[Unit]\nA=one\\\n[Service]\nB=x\n",
        "031c06612a3b038f99cdc7c0fbced0e620c9c55b",
    ),
    "a blank after the backslash ends the value": (
        "[Unit]\nA=one\\ \nB=x\n",
        "[Unit]\nA=one\\\nB=x\n",
        "bbe4f41580d0b60dd314a112e08aac412d0755a1",
    ),
    "two backslashes continue like one": (
        "[Unit]\nA=one\\\\\nB=x\n",
        "[Unit]\nA=one\\\\\nB=x\n",
        "85b4384f6fa9b0c1becaedc6dd2e2a5b5459c139",
    ),
    "a backslash inside a line is ordinary": (
        "[Unit]\nA=a\\b\n",
        "[Unit]\nA=a\\b\n",
        "290decb433d85f506436757818b1c71f5cd81162",
    ),
    "a backslash at the end of input continues nothing": (
        "[Unit]\nA=one\\",
        "[Unit]\nA=one\\\n",
        "280978cc2417a3beae685e7b52d788fb741bab24",
    ),
    "a backslash on the last line leaves a newline": (
        "[Unit]\nA=one\\\n",
        "[Unit]\nA=one\\\n\n",
        "0229f19039c8661b79a16d61771712f69f80b42c",
    ),
}
WHITE_SPACE_AND_BYTES = {
    "CR LF reads like LF": (
        "[Unit]\r\nA=b\r\nB=c\r\n",
        "[Unit]\nA=b\nB=c\n",
        "aaefb18c3db0db38969a31eb50ea79ff776864bc",
    ),
    "a CR at the end of input is dropped": (
        "[Unit]\nA=b\r",
        "[Unit]\nA=b\n",
        "9936816f25a659b2b12b116e85777205069365a9",
    ),
    "wide blanks are trimmed too": (
        "[Unit]\n\xa0A\u2003=\xa0b\xa0\n",
        "[Unit]\nA=b\n",
        "9936816f25a659b2b12b116e85777205069365a9",
    ),
    "a byte order mark before the first header is skipped": (
        "\ufeff[Unit]\nA=b\n",
        "[Unit]\nA=b\n",
        "9936816f25a659b2b12b116e85777205069365a9",
    ),
    "a byte order mark in a name is part of it": (
        "[Unit]\n\ufeffA=b\n",
        "[Unit]\n\ufeffA=b\n",
        "9b1d3b46961e96af28687d896bd7d986eb8bafa4",
    ),
    "NUL is an ordinary character": (
        "[Unit]\nA=b\x00c\n",
        "[Unit]\nA=b\x00c\n",
        "0436861bf3ee6b9f86348b3032a5212ceb31c7d7",
    ),
    "vertical tab and form feed are white space": (
        "[Unit]\n\x0bA=b\n\x0cC=d\n",
        "[Unit]\nA=b\nC=d\n",
        "8c6b00d37a1a1911967cae527ea6253575301b9f",
    ),
}

ACCEPTED = SECTIONS | OPTIONS | COMMENTS | CONTINUATIONS | WHITE_SPACE_AND_BYTES


@pytest.mark.parametrize(("text", "canonical", "sha1"), ACCEPTED.values(), ids=ACCEPTED)
def test_reading(text: str, canonical: str, sha1: str) -> None:
    file = UnitFile.from_text(text)
    assert (file.text, file.hash) == (canonical, sha1)
    assert file.options == parse_options(text)
    assert content_hash(serialize(file.options)) == sha1


@pytest.mark.parametrize(("text", "canonical", "sha1"), ACCEPTED.values(), ids=ACCEPTED)
def test_the_slow_reader_reads_the_same(text: str, canonical: str, sha1: str) -> None:
    assert serialize(slow_options(text)) == canonical
