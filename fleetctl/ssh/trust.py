"""Whether to go on with a host that has shown its key: the file, the question, the answer."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from fleetctl.errors import SshError
from fleetctl.output import complain, log_line
from fleetctl.settings import Settings
from fleetctl.ssh import known_hosts
from fleetctl.ssh.known_hosts import Entry, HostKey, Trust

_ASKING = threading.Lock()


class KnownHosts:
    """The user's file of known hosts."""

    def __init__(self, settings: Settings, others: Sequence[str] = ()) -> None:
        """`others` are files of the user's SSH, which has hosts under their names, too."""
        self._strict = settings.strict_host_key_checking
        self._path = _expanded(settings.known_hosts_file)
        self._entries: list[Entry] = _read(self._path) if self._strict else []
        self._others = [e for path in others for e in _read(Path(path))] if self._strict else []

    def kinds(self, *addresses: str) -> Sequence[str]:
        """The types of keys known of a host; none if any will do."""
        return known_hosts.known_kinds([*self._entries, *self._others], *addresses)

    def check(self, address: str, key: HostKey, name: str = "") -> None:
        """Return if the key may be trusted, asking the user if need be. Raises SshError.

        The address is fleet 1.0's only way to know a host; the name counts in the files of SSH.
        """
        if not self._strict:
            return
        of_name = known_hosts.trust(self._others, name, key)
        judged = known_hosts.trust([*self._entries, *self._others], address, key)
        if Trust.REVOKED not in (of_name, judged) and Trust.KNOWN in (of_name, judged):
            return
        match of_name if judged is Trust.UNKNOWN or of_name is Trust.REVOKED else judged:
            case Trust.KNOWN:
                return
            case Trust.CHANGED:
                complain(known_hosts.changed(key, str(self._path)))
                raise SshError(f"ssh: handshake failed: host key mismatch ({address})")
            case Trust.REVOKED:
                complain(f"The {key.algorithm} key of {address} is revoked in {self._path}.")
                raise SshError(f"ssh: handshake failed: host key revoked ({address})")
            case Trust.UNKNOWN:
                self._ask(address, key)

    def _ask(self, address: str, key: HostKey) -> None:
        with _ASKING:  # several hosts may be on their way: one question at a time
            self._ask_alone(address, key)

    def _ask_alone(self, address: str, key: HostKey) -> None:
        sys.stdout.flush()
        sys.stderr.write(known_hosts.question(address, key))
        sys.stderr.flush()
        if _one_word().lower() not in ("yes", "y"):
            complain("Host key verification failed.")
            raise SshError(f"ssh: handshake failed: unauthorized host ({address})")
        self._remember(address, key)

    def _remember(self, address: str, key: HostKey) -> None:
        line = known_hosts.new_line(address, key)
        self._entries.append(Entry(address, key))
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(self._path, "ab+", opener=_readable_by_all) as file:
                file.write(_line_end(file) + line.encode())
        except OSError:
            complain(f"Failed to add the host to the list of known hosts ({self._path}).")
        else:
            complain(f"Warning: Permanently added '{address}' ({key.algorithm}) to the list of known hosts.")


def _read(path: Path) -> list[Entry]:
    try:
        text = path.read_text(errors="replace")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SshError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    entries, faults = known_hosts.read_entries(text)
    for line, why in faults:
        log_line("WARN", f"{path}:{line} - {why}")
    return entries


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:  # no such user: the name is taken as it is
        return Path(path)


def _readable_by_all(path: str, flags: int) -> int:
    """Opens a file; one that is there keeps its mode."""
    return os.open(path, flags, 0o644)


def _line_end(file: BinaryIO) -> bytes:
    """What the last line of the file still lacks."""
    file.seek(0)
    return b"" if file.read()[-1:] in (b"", b"\n") else b"\n"


def _one_word() -> str:
    """One word from stdin, no byte more than its line: what follows belongs to the remote command."""
    typed = b""
    while (
        byte := sys.stdin.buffer.raw.read(1) if hasattr(sys.stdin.buffer, "raw") else b""
    ) and byte != b"\n":
        typed += byte
    return (typed.decode(errors="replace").split() or [""])[0]
