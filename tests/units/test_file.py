"""Unit files as a whole: canonical text, hash, and where a file may come from."""

import pytest

from units.file import InvalidUnitFile, Option, UnitFile, content_hash, decode_text, parse_options, serialize

HELLO = 'ExecStart=/bin/bash -c "while true; do echo Hello, World!; sleep 1; done"\n'
GLOBAL_HELLO = 'ExecStart=/bin/bash -c "while true; do echo Hello, Global World!; sleep 1; done"\n'
DISCOVERY = 'ExecStart=/bin/bash -c "while true; do echo discovery.service unit file; sleep 1; done"\n'

CANONICAL_ALREADY = {
    "quotes are ordinary text": ("[Service]\n" + HELLO, "3750b3e9f3962a56c7582929426e9abb012754cf"),
    "two sections stand apart by one empty line": (
        "[Service]\n" + GLOBAL_HELLO + "\n[X-Fleet]\nGlobal=true\n",
        "a1ea262096895e7dc412ae001dfecff2142ce3f5",
    ),
    "three sections do": (
        "[Unit]\nDescription=Test Unit\n\n[Service]\n"
        + HELLO
        + "\n[X-Fleet]\nConflicts=conflict.*.service\n",
        "52e8acb19db0f3f776c7b8c6bf2209fa41ce46ac",
    ),
    "four sections do": (
        "[Unit]\nBindsTo=hello.service\n\n[Service]\n"
        + DISCOVERY
        + "\n[Install]\nWantedBy=hello.service\n\n[X-Fleet]\nMachineOf=hello.service\n",
        "6959f458ac2e8f227fcb18ffaf08176f2b638d35",
    ),
}
WRITTEN = {
    "a plain service": (
        "[Service]\nExecStart=/bin/sleep 100\n",
        "[Service]\nExecStart=/bin/sleep 100\n",
        "1c6fb6f3684bafb0c173d8b8b957ceff031180c1",
    ),
    "a last line without newline gains one": (
        "[Service]\nExecStart=/usr/bin/sleep infinity",
        "[Service]\nExecStart=/usr/bin/sleep infinity\n",
        "40ea6646945809f4b420a50475ee68503088f127",
    ),
    "an empty first line is dropped": (
        "\n[Service]\nExecStart=/usr/bin/sleep infinity\n",
        "[Service]\nExecStart=/usr/bin/sleep infinity\n",
        "40ea6646945809f4b420a50475ee68503088f127",
    ),
    "another command gives another hash": (
        "[Service]\nExecStart=/bin/sleep infinity\n",
        "[Service]\nExecStart=/bin/sleep infinity\n",
        "8385c9176f09a5ee3bbb88d45c6fc3f0b69d1f52",
    ),
    "nothing gives the hash of nothing": ("", "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    "an empty line gives nothing": ("\n", "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    "an option before the first header vanishes": (
        "Foo=bar\n",
        "",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    ),
    "a header alone gives nothing": ("[Unit]\n", "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    "a header and a comment give nothing": ("[Unit]\n#\n", "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    "one option without newline": (
        "[Unit]\nA=b",
        "[Unit]\nA=b\n",
        "9936816f25a659b2b12b116e85777205069365a9",
    ),
    "trailing empty lines are dropped": (
        "[Unit]\nA=b\n\n\n",
        "[Unit]\nA=b\n",
        "9936816f25a659b2b12b116e85777205069365a9",
    ),
    "sections are put together in order of first appearance": (
        "[Unit]\nA=1\n[Service]\nB=2\n[Unit]\nC=3\n",
        "[Unit]\nA=1\nC=3\n\n[Service]\nB=2\n",
        "1fc61d982cf96334c30d18a4224257e360f96d35",
    ),
    "X-Fleet may come first": (
        "[X-Fleet]\nGlobal=true\n[Service]\nExecStart=/bin/true\n",
        "[X-Fleet]\nGlobal=true\n\n[Service]\nExecStart=/bin/true\n",
        "4309795ab4ce079e304bf6beab72887685ef64e9",
    ),
    "an empty value is kept": (
        "[Unit]\nA=\nB=x\n",
        "[Unit]\nA=\nB=x\n",
        "9d94ca3f8bdfef2146e44de17e630b92faa0d980",
    ),
    "letters beyond ASCII count as UTF-8": (
        "[Unit]\nDescription=ünï\n",
        "[Unit]\nDescription=ünï\n",
        "f16b2893cc4266fcaa055ab7f131b75975f29144",
    ),
    "continued lines keep their indentation": (
        "[Unit]\nA=one \\\n  two \\\n  three\nB=x\n",
        "[Unit]\nA=one \\\n  two \\\n  three\nB=x\n",
        "85f28850aae737520123441c65d55a8043374cb3",
    ),
    "several values on one line stay as written": (
        '[Service]\nExecStart=x\n[X-Fleet]\nMachineMetadata="a=b" "c=d"\n',
        '[Service]\nExecStart=x\n\n[X-Fleet]\nMachineMetadata="a=b" "c=d"\n',
        "602916196b4687b54da7b01175074ed19d244e41",
    ),
} | {sentence: (text, text, sha1) for sentence, (text, sha1) in CANONICAL_ALREADY.items()}

NEWLINE_IN_NAME = "unexpected newline encountered while parsing option name"
SENT = {
    "no options are the empty file": ([], "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    "a section may have no name": (
        [Option("", "A", "b")],
        "[]\nA=b\n",
        "60395f5c248f563a8933c2a23a6700554e8136d0",
    ),
    "an option may have no name": (
        [Option("Unit", "", "b")],
        "[Unit]\n=b\n",
        "5710117e50ed65bbf786aa1b81c38cc2ae99feb5",
    ),
    "a newline in a value may begin another option": (
        [Option("Unit", "A", "x\ny=z")],
        "[Unit]\nA=x\ny=z\n",
        "6928534fd79e5323de7983f9926121aa7e19472e",
    ),
    "a newline in a value may begin another section": (
        [Option("Service", "A", "x\n[X-Fleet]\nGlobal=true")],
        "[Service]\nA=x\n[X-Fleet]\nGlobal=true\n",
        "2a3b71753e3026b930b50f5b7ea1ccf737e72856",
    ),
    "one option": (
        [Option("Service", "ExecStart", "/bin/true")],
        "[Service]\nExecStart=/bin/true\n",
        "86943ac9f3754cb90f8dd38bf6da7b0cad074592",
    ),
}
NEVER_SENT = {
    "a newline in a value that begins nothing": (Option("Unit", "A", "x\ny"), NEWLINE_IN_NAME),
    "a newline in a name": (Option("Unit", "A\nB", "x"), NEWLINE_IN_NAME),
    "a bracket in a section": (
        Option("Un]it", "A", "x"),
        "found garbage after section name : [105 116 93]",
    ),
    "a line too long": (Option("Unit", "A", "x" * 2100), "line too long (max 2048 bytes)"),
}


@pytest.mark.parametrize(("text", "canonical", "sha1"), WRITTEN.values(), ids=WRITTEN)
def test_a_file_that_somebody_wrote(text: str, canonical: str, sha1: str) -> None:
    file = UnitFile.from_text(text)
    assert (file.text, file.hash) == (canonical, sha1)


@pytest.mark.parametrize(("options", "text", "sha1"), SENT.values(), ids=SENT)
def test_a_file_that_a_client_sent(options: list[Option], text: str, sha1: str) -> None:
    file = UnitFile.from_options(options)
    assert (file.text, file.hash) == (text, sha1)
    assert file.options == parse_options(text)


@pytest.mark.parametrize(("option", "message"), NEVER_SENT.values(), ids=NEVER_SENT)
def test_what_no_client_may_send(option: Option, message: str) -> None:
    with pytest.raises(InvalidUnitFile) as caught:
        UnitFile.from_options([option])
    assert str(caught.value) == message


def test_a_value_that_smuggles_in_a_section_is_seen_as_what_it_becomes() -> None:
    file = UnitFile.from_options([Option("Service", "A", "x\n[X-Fleet]\nGlobal=true")])
    assert file.options == (Option("Service", "A", "x"), Option("X-Fleet", "Global", "true"))


def test_a_backslash_at_the_end_of_a_value_swallows_the_next_option_once_stored() -> None:
    file = UnitFile.from_options([Option("Unit", "A", "one\\"), Option("Unit", "B", "x")])
    assert file.options == (Option("Unit", "A", "one\\\nB=x"),)


def test_stored_text_stays_as_it_is_and_gives_the_hash() -> None:
    text = "# by hand\n[Unit]\n A = b\n"
    file = UnitFile.from_stored(text)
    assert (file.text, file.hash) == (text, content_hash(text))
    assert file.options == (Option("Unit", "A", "b"),)


def test_stored_text_that_does_not_parse_is_refused() -> None:
    with pytest.raises(InvalidUnitFile):
        UnitFile.from_stored("[Unit]\nnoequals\n")


def test_half_characters_in_what_a_client_sent_become_replacement_characters() -> None:
    assert UnitFile.from_options([Option("Unit", "A", "x\ud800y")]).text == "[Unit]\nA=x\ufffdy\n"


BYTES = {
    "plain text": (b"[Unit]\nA=b\n", "[Unit]\nA=b\n"),
    "UTF-8": ("[Unit]\nA=ü\n".encode(), "[Unit]\nA=ü\n"),
    "each byte of a broken character counts": (b"A=\xe2\x82!", "A=\ufffd\ufffd!"),
    "a surrogate in UTF-8 is three broken bytes": (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),
    "Latin-1": (b"caf\xe9", "caf\ufffd"),
}


@pytest.mark.parametrize(("data", "text"), BYTES.values(), ids=BYTES)
def test_bytes_on_disk_become_text(data: bytes, text: str) -> None:
    assert decode_text(data) == text


def test_escaped_bytes_are_hashed_as_the_bytes_they_were() -> None:
    latin1 = b"[Unit]\nA=caf\xe9\n"
    assert (
        content_hash(latin1.decode("utf-8", "surrogateescape")) == "7a8974392824f45568cc68849186400991225094"
    )


def test_escaped_bytes_are_read_as_replacement_characters() -> None:
    text = b"[Unit]\nA=caf\xe9\n".decode("utf-8", "surrogateescape")
    assert parse_options(text) == (Option("Unit", "A", "caf\ufffd"),)


def test_the_description_is_the_first_one_of_the_unit_section() -> None:
    file = UnitFile.from_text("[Service]\nDescription=no\n[Unit]\nDescription=yes\nDescription=late\n")
    assert file.description == "yes"
    assert file.section_values("Unit", "Description") == ("yes", "late")
    assert UnitFile.from_text("[Unit]\nA=b\n").description is None


def test_install_counts_only_with_an_option() -> None:
    assert UnitFile.from_text("[Install]\nWantedBy=x\n").has_install
    assert not UnitFile.from_text("[Install]\n[Unit]\nA=b\n").has_install
    assert UnitFile.from_text("[Install]\nWantedBy=\n").has_install


def test_a_section_is_written_where_its_first_option_stands() -> None:
    options = [Option("B", "1", ""), Option("A", "2", ""), Option("B", "3", "")]
    assert serialize(options) == "[B]\n1=\n3=\n\n[A]\n2=\n"
