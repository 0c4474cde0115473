"""The user's keys: those of the running ssh-agent first, then the files that SSH itself would take."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import paramiko

DEFAULT_FILES = ("id_ed25519", "id_ecdsa", "id_rsa")


@dataclass(frozen=True)
class Identity:
    """A key, and where it comes from."""

    key: paramiko.PKey
    origin: str


class Identities:
    """All keys that can be tried, and why others cannot."""

    def __init__(self, files: Sequence[str], *, only_files: bool = False) -> None:
        self._files = [Path(file).expanduser() for file in files] or [
            Path.home() / ".ssh" / name for name in DEFAULT_FILES
        ]
        self._named = bool(files)
        self._only_files = only_files
        self.faults: list[str] = []

    def __iter__(self) -> Iterator[Identity]:
        if not self._only_files:
            yield from self._agent()
        for path in self._files:
            yield from self._file(path)

    def _agent(self) -> Iterator[Identity]:
        path = os.environ.get("SSH_AUTH_SOCK", "")
        if not path:
            self.faults.append("SSH_AUTH_SOCK environment variable is not set. Verify ssh-agent is running.")
            return
        agent = paramiko.Agent()
        try:
            keys = agent.get_keys()
            if not keys:
                self.faults.append(f"the ssh-agent at {path} has no keys, or cannot be reached (ssh-add -l)")
            for key in keys:
                yield Identity(key, f"agent: {key.comment or key.get_name()}")
        finally:
            agent.close()

    def _file(self, path: Path) -> Iterator[Identity]:
        try:
            yield Identity(paramiko.PKey.from_path(path), str(path))
        except FileNotFoundError:
            if self._named:
                self.faults.append(f"{path}: no such file")
        except paramiko.PasswordRequiredException:
            self.faults.append(f"{path}: needs a passphrase (ssh-add {path})")
        except (OSError, ValueError, paramiko.SSHException, paramiko.pkey.UnknownKeyType) as error:
            self.faults.append(f"{path}: {error}")
