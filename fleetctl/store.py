"""How etcd itself is reached, for what needs no daemon: --driver=etcd, and migrate."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from fleetctl.endpoint import DEFAULT
from fleetctl.errors import BadEndpoint, SshError
from fleetctl.settings import Settings
from registry.settings import BadSettings, Endpoint
from registry.settings import Settings as StoreSettings

DEFAULT_SERVER = "http://127.0.0.1:2379"
OLD_SERVER = "http://127.0.0.1:4001"
"""Where fleet 1.0 looked as well with --experimental-api=false."""


def store_settings(settings: Settings, *, version: int, ways: ExitStack) -> StoreSettings:
    """How to reach the store that the flags mean, in this version of its API. Raises BadEndpoint.

    What leads there through the tunnel does so until `ways` is closed. By default there is an etcd here.
    """
    password = _password(settings)
    if password and not settings.etcd_username:
        raise BadEndpoint("a password to etcd is given, but no user (--etcd-username)")
    here = DEFAULT_SERVER if settings.experimental_api else f"{DEFAULT_SERVER},{OLD_SERVER}"
    servers = tuple((here if settings.endpoint == DEFAULT else settings.endpoint).split(","))
    return StoreSettings(
        servers=servers,
        prefix=settings.etcd_key_prefix,
        request_timeout=settings.request_timeout,
        patience=1,  # whoever waits at a terminal is told why, instead of being kept waiting
        username=settings.etcd_username,
        password=password,
        ca_file=settings.ca_file,
        cert_file=settings.cert_file,
        key_file=settings.key_file,
        api_version=version,
        sockets=_sockets(settings, servers, ways) if settings.tunnel else {},
    )


def _sockets(settings: Settings, servers: tuple[str, ...], ways: ExitStack) -> dict[str, str]:
    """By URL, the socket that leads to each server through the tunnel."""
    from fleetctl.ssh.forwarding import forwarding

    try:
        addresses = {url: Endpoint.from_url(url).address for url in servers}
        forwarder = ways.enter_context(forwarding(settings))
        return {url: forwarder.path_to(address) for url, address in addresses.items()}
    except BadSettings as error:
        raise BadEndpoint(str(error)) from error
    except SshError as error:
        raise BadEndpoint(f"failed initializing SSH client: {error}") from error


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
