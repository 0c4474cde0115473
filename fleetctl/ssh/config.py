"""What `~/.ssh/config` says of a host."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fleetctl.errors import SshError
from fleetctl.ssh.options import Options, expanded, options_of, tokens

FILE = Path("~/.ssh/config")


@dataclass(frozen=True, slots=True)
class HostConfig:
    """The options that count here; an empty string or 0 means that there is none."""

    hostname: str
    user: str = ""
    port: int = 0
    identity_files: tuple[str, ...] = ()
    identities_only: bool = False
    identity_agent: str = ""
    """Path of the agent's socket; `none`, or `SSH_AUTH_SOCK` for the variable of that name."""
    known_hosts: tuple[str, ...] = ()
    """Files with keys of hosts, beside that of --known-hosts-file."""
    jumps: tuple[str, ...] = ()
    """The hosts of ProxyJump, `[user@]host[:port]` each, the first to connect to first."""
    proxy_command: str = ""


def host_config(host: str, user: str = "", path: Path = FILE, *, otherwise: str = "") -> HostConfig:
    """The options of one host, for a user if one is given. Raises SshError if they cannot be understood.

    `otherwise` is the user where the file names none, by default the one that we are.
    """
    try:
        found = options_of(host, path.expanduser(), user, otherwise=otherwise)
    except RuntimeError:  # this user has no home
        return HostConfig(host)
    known = tokens(host, found, otherwise)

    def values(name: str) -> tuple[str, ...]:
        return tuple(_home(expanded(value, known)) for value in found.get(name, ()))

    def value(name: str) -> str:
        return next(iter(values(name)), "")

    port = value("port") or "0"
    if not port.isdigit():
        raise SshError(f"{path}: Port {port} of {host} is not a number")
    jumps, command = _way(found)
    return HostConfig(
        hostname=known["h"],
        user=value("user"),
        port=int(port),
        identity_files=tuple(file for file in values("identityfile") if file.lower() != "none"),
        identities_only=value("identitiesonly").lower() in ("yes", "true"),
        identity_agent=_agent(value("identityagent")),
        known_hosts=tuple(file for file in values("userknownhostsfile") if file.lower() != "none"),
        jumps=tuple(expanded(jump, known) for jump in jumps),
        proxy_command=expanded(command, known),
    )


def _way(found: Options) -> tuple[tuple[str, ...], str]:
    """The jump hosts, or the command that connects: the one that comes first rules out the other."""
    for name, words in found.items():
        text = " ".join(words)
        if name == "proxyjump":
            jumps = (jump.strip() for jump in text.split(",") if jump.strip())
            return ((), "") if text.lower() == "none" else (tuple(jumps), "")
        if name == "proxycommand":
            return (), "" if text.lower() == "none" else text
    return (), ""


def _agent(text: str) -> str:
    import os

    return os.environ.get(text[1:], "") if text.startswith("$") else text


def _home(text: str) -> str:
    return str(Path(text).expanduser()) if text.startswith("~") else text
