"""How to reach the store, checked before anything connects.

Rule 1: what an operator wrote is refused here with its name and what is wrong with it, or it works.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from registry.keys import DEFAULT_PREFIX

DEFAULT_SERVERS = ("http://127.0.0.1:2379",)
PATIENCE = 5.0
"""Request timeouts that an operation may take, with its repetitions on other members."""


class BadSettings(ValueError):
    """The settings cannot mean anything; the message says which one, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One server of the store: `host:port`, as it is dialled and shown, and whether it speaks TLS."""

    address: str
    tls: bool
    socket: str = ""
    """A unix socket that leads there, if the address cannot be dialled from here."""

    @classmethod
    def from_url(cls, url: str, socket: str = "") -> Endpoint:
        """The server that a URL names. Raises BadSettings."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise BadSettings(f"etcd server {url!r} is no URL: {error}") from error
        if parts.scheme not in ("http", "https") or not host:
            raise BadSettings(f"etcd server {url!r} is no URL (http://HOST:PORT or https://HOST:PORT)")
        if port is None:
            raise BadSettings(f"etcd server {url!r} has no port ({parts.scheme}://{parts.netloc}:2379)")
        if parts.path.strip("/") or parts.query or parts.fragment or parts.username:
            raise BadSettings(f"etcd server {url!r} is more than a host and a port")
        return cls(f"[{host}]:{port}" if ":" in host else f"{host}:{port}", parts.scheme == "https", socket)


@dataclass(frozen=True, slots=True)
class Settings:
    """How to reach the store. Files are paths of PEM files.

    `request_timeout` is in seconds, and `patience` in such timeouts.
    """

    servers: tuple[str, ...] = DEFAULT_SERVERS
    prefix: str = DEFAULT_PREFIX
    request_timeout: float = 1.0
    patience: float = PATIENCE
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    api_version: int = 3
    discovery_srv: str = ""
    """A domain whose DNS names the servers (registry/discovery.py), in place of `servers`."""
    sockets: Mapping[str, str] = field(default_factory=dict)
    """By URL, a unix socket that leads to a server which cannot be dialled from here."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What proves each side to the other, read from its files; empty for what is not used."""

    ca: bytes = b""
    certificate: bytes = b""
    key: bytes = field(default=b"", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)


def credentials(settings: Settings) -> Credentials:
    """The contents of the files that the settings name. Raises BadSettings."""
    if bool(settings.cert_file) != bool(settings.key_file):
        raise BadSettings("an etcd client certificate needs its key, and a key its certificate")
    return Credentials(
        _content(authorities(settings)),
        _content(settings.cert_file),
        _content(settings.key_file),
        settings.username,
        settings.password,
    )


def authorities(settings: Settings) -> str:
    """The file of the authorities that are trusted: that of the settings, else this host's for TLS."""
    if settings.ca_file or not any(Endpoint.from_url(url).tls for url in settings.servers):
        return settings.ca_file
    import ssl

    return ssl.get_default_verify_paths().cafile or ""


def _content(path: str) -> bytes:
    try:
        return Path(path).read_bytes() if path else b""
    except OSError as error:
        raise BadSettings(f"{path} cannot be read: {error.strerror}") from error
