"""How etcd itself is reached, for what needs no daemon: --driver=etcd, and migrate."""

from __future__ import annotations

from pathlib import Path

from fleetctl.endpoint import DEFAULT
from fleetctl.errors import BadEndpoint
from fleetctl.settings import Settings
from registry.settings import Settings as StoreSettings

DEFAULT_SERVER = "http://127.0.0.1:2379"


def servers(settings: Settings) -> str:
    """The addresses of etcd, with commas: by default there is one on this host."""
    return DEFAULT_SERVER if settings.endpoint == DEFAULT else settings.endpoint


def store_settings(settings: Settings, *, version: int) -> StoreSettings:
    """How to reach the store that the flags mean, in this version of its API. Raises BadEndpoint."""
    if settings.tunnel:
        raise BadEndpoint("etcd itself is not reached through a tunnel (leave out --tunnel)")
    password = _password(settings)
    if password and not settings.etcd_username:
        raise BadEndpoint("a password to etcd is given, but no user (--etcd-username)")
    return StoreSettings(
        servers=tuple(servers(settings).split(",")),
        prefix=settings.etcd_key_prefix,
        request_timeout=settings.request_timeout,
        username=settings.etcd_username,
        password=password,
        ca_file=settings.ca_file,
        cert_file=settings.cert_file,
        key_file=settings.key_file,
        api_version=version,
    )


def _password(settings: Settings) -> str:
    """The password, of which a file holds the first line."""
    path = settings.etcd_password_file
    if not path:
        return settings.etcd_password
    try:
        first = Path(path).expanduser().read_text(encoding="utf-8").splitlines()[:1]
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise BadEndpoint(f"the password in {path} cannot be read: {why.lower()}") from error
    if not first or not first[0]:
        raise BadEndpoint(f"the first line of {path} is empty: there should be a password in it")
    return first[0]
