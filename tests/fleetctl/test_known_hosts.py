"""What the file of known hosts says."""

import subprocess
from base64 import b64encode
from pathlib import Path

import pytest

from fleetctl.ssh.known_hosts import (
    HostKey,
    Trust,
    known_kinds,
    new_line,
    question,
    read_entries,
    shown_address,
    trust,
)

KEY = HostKey("ssh-ed25519", b"one")
OTHER = HostKey("ssh-ed25519", b"two")


def line(hosts: str, key: HostKey = KEY) -> str:
    return f"{hosts} {key.kind} {b64encode(key.blob).decode()}\n"


FILES = {
    "nothing": ("", Trust.UNKNOWN),
    "the address": (line("10.0.0.1"), Trust.KNOWN),
    "the address among others": (line("host,10.0.0.1"), Trust.KNOWN),
    "another address": (line("10.0.0.2"), Trust.UNKNOWN),
    "a pattern": (line("10.0.*"), Trust.KNOWN),
    "a pattern for one character": (line("10.0.0.?"), Trust.KNOWN),
    "a pattern that excludes it": (line("10.0.*,!10.0.0.1"), Trust.UNKNOWN),
    "another key": (line("10.0.0.1", OTHER), Trust.CHANGED),
    "another key and this one": (line("10.0.0.1", OTHER) + line("10.0.0.1"), Trust.KNOWN),
    "a revoked key": (line("10.0.0.1") + "@revoked " + line("*"), Trust.REVOKED),
    "comments and blanks": ("\n# no\n  " + line("10.0.0.1"), Trust.KNOWN),
    "another port": (line("[10.0.0.1]:2222"), Trust.UNKNOWN),
}


@pytest.mark.parametrize(("text", "expected"), FILES.values(), ids=FILES)
def test_the_file_decides(text: str, expected: Trust) -> None:
    entries, faults = read_entries(text)
    assert faults == []
    assert trust(entries, "10.0.0.1", KEY) is expected


def test_brackets_are_no_patterns() -> None:
    entries, _ = read_entries(line("[10.0.0.1]:2222"))
    assert trust(entries, shown_address("10.0.0.1", 2222), KEY) is Trust.KNOWN
    assert trust(entries, "1", KEY) is Trust.UNKNOWN


def test_addresses_are_written_as_fleet_1_0_wrote_them() -> None:
    assert shown_address("10.0.0.1", 22) == "10.0.0.1"
    assert shown_address("10.0.0.1", 2222) == "[10.0.0.1]:2222"
    assert shown_address("::1", 22) == "[::1]"


def test_lines_of_no_use_are_named_with_their_reason() -> None:
    text = "@cert-authority * ssh-rsa AAAA\nhost ssh-rsa\nhost ssh-rsa !!!\n" + line("10.0.0.1")
    entries, faults = read_entries(text)
    assert len(entries) == 1
    assert [number for number, _ in faults] == [1, 2, 3]
    assert faults[0][1] == "marker functionality not implemented"
    assert faults[1][1] == "bad format (insufficient fields)"
    assert faults[2][1].startswith("error parsing key: ")


def test_what_is_added_is_known_from_then_on() -> None:
    entries, _ = read_entries(new_line("10.0.0.1", KEY))
    assert trust(entries, "10.0.0.1", KEY) is Trust.KNOWN


def test_a_known_host_is_asked_for_the_kinds_of_its_keys() -> None:
    entries, _ = read_entries(line("10.0.0.1") + line("other", HostKey("ssh-rsa", b"x")))
    assert known_kinds(entries, "10.0.0.1") == ["ssh-ed25519"]


def test_hashed_names_of_openssh_are_understood(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(line("[10.0.0.1]:2222", HostKey("ssh-ed25519", _ed25519(tmp_path))))
    subprocess.run(["ssh-keygen", "-H", "-f", file], check=True, capture_output=True)
    entries, _ = read_entries(file.read_text())
    assert entries[0].hosts.startswith("|1|")
    assert trust(entries, "[10.0.0.1]:2222", entries[0].key) is Trust.KNOWN
    assert trust(entries, "10.0.0.1", entries[0].key) is Trust.UNKNOWN


def test_the_fingerprint_is_the_one_that_ssh_shows(tmp_path: Path) -> None:
    key = HostKey("ssh-ed25519", _ed25519(tmp_path))
    shown = subprocess.run(
        ["ssh-keygen", "-l", "-E", "md5", "-f", tmp_path / "key.pub"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.split()[1] == f"MD5:{key.fingerprint}"
    assert f"ssh-ed25519 key fingerprint is {key.fingerprint}.\n" in question("h", key)


def _ed25519(directory: Path) -> bytes:
    from base64 import b64decode

    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / "key"], check=True)
    return b64decode((directory / "key.pub").read_text().split()[1])
