"""What `~/.ssh/config` says of a host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import paramiko

from fleetctl.errors import SshError

FILE = Path("~/.ssh/config")


@dataclass(frozen=True, slots=True)
class HostConfig:
    """The options that count here; an empty string or 0 means that there is none."""

    hostname: str
    user: str = ""
    port: int = 0
    identity_files: tuple[str, ...] = ()
    identities_only: bool = False
    jumps: tuple[str, ...] = ()
    """The hosts of ProxyJump, `[user@]host[:port]` each, the first to connect to first."""


def host_config(host: str, path: Path = FILE) -> HostConfig:
    """The options of one host. Raises SshError when the file cannot be understood."""
    try:
        text = path.expanduser().read_text(errors="replace")
    except OSError:
        return HostConfig(host)
    try:
        config = paramiko.SSHConfig.from_text(text)
        found = config.lookup(host)
        files: Sequence[str] = found.get("identityfile") or ()
        return HostConfig(
            found.get("hostname", host),
            found.get("user", ""),
            int(found.get("port", 0)),
            tuple(files),
            found.get("identitiesonly", "no").lower() == "yes",
            _jumps(found.get("proxyjump", "none")),
        )
    except (paramiko.ConfigParseError, paramiko.SSHException, ValueError) as error:
        raise SshError(f"{path}: {error}") from error


def _jumps(text: str) -> tuple[str, ...]:
    return () if text.lower() == "none" else tuple(jump.strip() for jump in text.split(",") if jump.strip())
