"""The global flags, once they have been read from the command line and the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from fleetctl.endpoint import DEFAULT


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for every command. Times are in seconds; an empty string means not given."""

    endpoint: str = DEFAULT
    driver: str = "API"
    request_timeout: float = 3.0
    tunnel: str = ""
    ssh_username: str = "core"
    ssh_timeout: float = 10.0
    strict_host_key_checking: bool = True
    known_hosts_file: str = "~/.fleetctl/known_hosts"
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    etcd_api: int = 3
    etcd_key_prefix: str = "/_coreos.com/fleet/"
    etcd_username: str = ""
    etcd_password: str = field(default="", repr=False)
    etcd_password_file: str = ""
    color: str = "auto"
    context: str = ""
    debug: bool = False
    version: bool = False
    help: bool = False
    experimental_api: bool = True
    given: frozenset[str] = frozenset()
    """The names of those that were given, be it as they are by default."""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Settings:
        """The settings that hold when these were given; the rest is the default."""
        known = {one.name for one in fields(cls)}
        return cls(**{name: value for name, value in given.items() if name in known and value is not None})
