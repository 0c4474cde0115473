"""The user's keys: those of the running ssh-agent first, then the files that SSH itself would take."""

from __future__ import annotations

import os
import socket
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import paramiko
from paramiko.agent import AgentSSH

from fleetctl.connect import reason
from fleetctl.ssh.config import HostConfig

DEFAULT_FILES = ("id_ed25519", "id_ecdsa", "id_rsa")
VARIABLE = "SSH_AUTH_SOCK"
_UNUSABLE = (ValueError, paramiko.SSHException, paramiko.pkey.UnknownKeyType)


@dataclass(frozen=True)
class Identity:
    """A key, and where it comes from."""

    key: paramiko.PKey
    origin: str


class Agent(AgentSSH):
    """The agent behind a socket. Raises OSError, SSHException."""

    def __init__(self, path: str) -> None:
        super().__init__()
        stream = socket.socket(socket.AF_UNIX)
        try:
            stream.connect(path)
        except OSError:
            stream.close()
            raise
        self._connect(stream)  # type: ignore[attr-defined]

    def close(self) -> None:
        """End the connection."""
        self._close()  # type: ignore[attr-defined]


class Identities:
    """All keys that can be tried, in order, and why others cannot.

    Keys of the agent that the configuration names come first: a host hears of a few only. With
    IdentitiesOnly they are the only ones.
    """

    def __init__(self, config: HostConfig) -> None:
        home = Path("~").expanduser()
        self._files = [Path(file) for file in config.identity_files] or [
            home / ".ssh" / name for name in DEFAULT_FILES
        ]
        self._named = bool(config.identity_files)
        self._only_files = config.identities_only
        self._agent_path = config.identity_agent
        self.faults: list[str] = []

    def __iter__(self) -> Iterator[Identity]:
        yield from self._agent()
        for path in self._files:
            yield from self._file(path)

    def _agent(self) -> Iterator[Identity]:
        if self._agent_path.lower() == "none":
            return
        path = os.environ.get(VARIABLE, "") if self._agent_path in ("", VARIABLE) else self._agent_path
        if not path:
            self.faults.append(f"{VARIABLE} environment variable is not set. Verify ssh-agent is running.")
            return
        try:
            agent = Agent(path)
        except (OSError, paramiko.SSHException) as error:
            why = reason(error) if isinstance(error, OSError) else str(error)
            self.faults.append(f"dial unix {path}: connect: {why}")
            return
        try:
            keys = agent.get_keys()
            if not keys:
                self.faults.append(f"the ssh-agent at {path} has no keys (ssh-add -l)")
            wanted = {blob for file in self._files if (blob := _public(file))}
            for key in sorted(keys, key=lambda key: key.asbytes() not in wanted):
                if not self._only_files or key.asbytes() in wanted:
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
        except (OSError, *_UNUSABLE) as error:
            if path.suffix != ".pub":  # that names a key of the agent
                self.faults.append(f"{path}: {error}")


def _public(path: Path) -> bytes:
    """The public half of a key file, from the one beside it if it is there; empty if it cannot be read."""
    for public in (path.with_name(f"{path.name}.pub"), path):
        with suppress(OSError, *_UNUSABLE):
            kind, base64, *_ = public.read_text(errors="replace").split()
            blob = b64decode(base64, validate=True)
            if blob[4 : 4 + len(kind)] == kind.encode():  # how every key begins (RFC 4253, 6.6)
                return blob
    with suppress(OSError, *_UNUSABLE):
        return paramiko.PKey.from_path(path).asbytes()
    return b""
