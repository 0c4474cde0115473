"""Known hosts: what a file says of a host's key, and what people are told. Pure.

The file is OpenSSH's. As in fleet 1.0 hosts are known by the address that was connected to, never by name.
Hashed names are understood (1.0 skipped them), and a key that is `@revoked` is never accepted.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

_SHOWN = {"ssh-rsa": "RSA", "ssh-dss": "DSA"}


class Trust(Enum):
    """What the file says of a key."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class HostKey:
    """A public key: its type, and its bytes."""

    kind: str
    blob: bytes

    @property
    def algorithm(self) -> str:
        """Its type, as people know it."""
        return "ECDSA" if self.kind.startswith("ecdsa-") else _SHOWN.get(self.kind, self.kind)

    @property
    def fingerprint(self) -> str:
        """MD5 in hex (fleet 1.0)."""
        return hashlib.md5(self.blob, usedforsecurity=False).digest().hex(":")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line."""

    hosts: str
    key: HostKey
    revoked: bool = False

    def matches(self, address: str) -> bool:
        """Whether the line is about this address."""
        if self.hosts.startswith("|1|"):
            return _hash_matches(self.hosts, address)
        patterns = self.hosts.split(",")
        if any(p[0] == "!" and _glob_matches(p[1:], address) for p in patterns if p):
            return False
        return any(p[0] != "!" and _glob_matches(p, address) for p in patterns if p)


def shown_address(ip: str, port: int) -> str:
    """An address as the file has it."""
    return f"[{ip}]:{port}" if port != 22 else f"[{ip}]" if ":" in ip else ip


def read_entries(text: str) -> tuple[list[Entry], list[tuple[int, str]]]:
    """The lines that are of use, and the numbers of those that are not, each with the reason."""
    entries: list[Entry] = []
    faults: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if (words := line.split()) and not words[0].startswith("#"):
            try:
                entries.append(_entry(words))
            except ValueError as error:
                faults.append((number, str(error)))
    return entries, faults


def _entry(words: list[str]) -> Entry:
    revoked = words[0] == "@revoked"
    if words[0].startswith("@") and not revoked:
        raise ValueError("marker functionality not implemented")
    fields = words[1:] if revoked else words
    if len(fields) < 3:
        raise ValueError("bad format (insufficient fields)")
    try:
        blob = b64decode(fields[2], validate=True)
    except NotBase64 as error:
        raise ValueError(f"error parsing key: {error}") from None
    return Entry(fields[0], HostKey(fields[1], blob), revoked)


def trust(entries: Iterable[Entry], address: str, key: HostKey) -> Trust:
    """What is known of the key that the host at this address has shown."""
    about = [entry for entry in entries if entry.matches(address)]
    if any(entry.revoked and entry.key.blob == key.blob for entry in about):
        return Trust.REVOKED
    keys = [entry.key for entry in about if not entry.revoked]
    if key in keys:
        return Trust.KNOWN
    return Trust.CHANGED if keys else Trust.UNKNOWN


def known_kinds(entries: Iterable[Entry], *addresses: str) -> list[str]:
    """The types of the keys that are known of a host: those it should be asked for."""
    found: Iterator[str] = (
        e.key.kind for e in entries if not e.revoked and any(e.matches(address) for address in addresses)
    )
    return list(dict.fromkeys(found))


def new_line(address: str, key: HostKey) -> str:
    """The line that makes a key known."""
    from base64 import b64encode

    return f"{address} {key.kind} {b64encode(key.blob).decode()}\n"


def question(address: str, key: HostKey) -> str:
    """What is asked about a host seen for the first time."""
    return (
        f"The authenticity of host '{address}' can't be established.\n"
        f"{key.algorithm} key fingerprint is {key.fingerprint}.\n"
        "Are you sure you want to continue connecting (yes/no)? "
    )


def changed(key: HostKey, file: str) -> str:
    """What is said when a host shows another key than the one known."""
    return f"""\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Someone could be eavesdropping on you right now (man-in-the-middle attack)!
It is also possible that a host key has just been changed.
The fingerprint for the {key.algorithm} key sent by the remote host is
{key.fingerprint}.
Please contact your system administrator.
Add correct host key in {file} to get rid of this message.
Host key verification failed."""


def _glob_matches(pattern: str, address: str) -> bool:
    """Only `*` and `?` are special."""
    words = {"*": ".*", "?": "."}
    return re.fullmatch("".join(words.get(c) or re.escape(c) for c in pattern), address) is not None


def _hash_matches(hosts: str, address: str) -> bool:
    try:
        _, _, salt, digest = hosts.split("|")
        expected = hmac.digest(b64decode(salt), address.encode(), "sha1")
        return hmac.compare_digest(expected, b64decode(digest))
    except ValueError:
        return False
