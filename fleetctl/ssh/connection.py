"""One SSH connection: TCP (or a channel of another connection), the host's key, the user's key.

Rule 1: all of it must come about within `--ssh-timeout`, the user's answer about the host's key included.
Rule 2: no exception of paramiko leaves this package, and none of its log lines reaches the user.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import paramiko

from fleetctl.connect import reason
from fleetctl.errors import SshError
from fleetctl.settings import Settings
from fleetctl.ssh.channels import FleetTransport, words_of
from fleetctl.ssh.command import by_command
from fleetctl.ssh.config import HostConfig, host_config
from fleetctl.ssh.deadline import Deadline
from fleetctl.ssh.keys import Identities
from fleetctl.ssh.known_hosts import HostKey, shown_address
from fleetctl.ssh.trust import KnownHosts

logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)

KEEPALIVE = 15


def split_host(text: str, port: int = 22) -> tuple[str, int]:
    """`host[:port]` or `[address]:port`. Raises SshError."""
    host, colon, number = text.rpartition(":")
    if not colon:
        return text, port
    if not number.isdigit() or (":" in host and not (host.startswith("[") and host.endswith("]"))):
        raise SshError(f'"{text}" is no address (write host, host:port or [IPv6 address]:port)')
    return host.strip("[]"), int(number)


def published(address: str, port: int) -> tuple[str, int]:
    """Where a machine's published address leads: one with a port of its own is taken at its word (fleet 1.0).

    Raises SshError.
    """
    has_port = address.startswith("[") or address.count(":") == 1
    return split_host(address, port) if has_port else (address, port)


@contextmanager
def connected(settings: Settings, host: str, port: int) -> Iterator[FleetTransport]:
    """A connection to a machine, through the tunnel host if there is one. Raises SshError."""
    if not settings.tunnel:
        with direct(settings, host, port) as transport:
            yield transport
        return
    tunnel_host, tunnel_port = split_host(settings.tunnel)
    with direct(settings, tunnel_host, tunnel_port) as tunnel, _within(settings, tunnel, host, port) as inner:
        yield inner


@contextmanager
def direct(
    settings: Settings,
    host: str,
    port: int,
    *,
    jumps: Sequence[str] = (),
    passed: frozenset[str] = frozenset(),
) -> Iterator[FleetTransport]:  # fmt: skip
    """A connection to a host, without any tunnel but the way that ssh_config has for it. Raises SshError.

    `jumps` are the hosts to go through, in place of its own; `passed` are those that it is on the way to,
    to which the way to itself does not lead.
    """
    config = _config(settings, host)
    port = config.port or port if port == 22 else port
    with ExitStack() as stack:
        stream: Any
        *before, last = jumps or _own_jumps(config, passed | {host}) or [""]
        user, _, jump = last.rpartition("@")
        address = config.hostname
        if jump:
            ours = _as_user(settings, user)
            way = direct(ours, *split_host(jump), jumps=before, passed=passed | {host})
            tunnel = stack.enter_context(way)
            deadline = Deadline(settings.ssh_timeout)
            stream = through(tunnel, jump, config.hostname, port, deadline)
        elif config.proxy_command and not jumps:
            deadline = Deadline(settings.ssh_timeout)
            command = config.proxy_command.replace("%p", str(port))
            stream = stack.enter_context(by_command(command))
        else:
            deadline = Deadline(settings.ssh_timeout)
            stream = _tcp(config.hostname, port, deadline)
            address = stream.getpeername()[0].partition("%")[0]
        names = (config.hostname, address)
        yield stack.enter_context(_secured(settings, stream, names, port, config, deadline))


def _own_jumps(config: HostConfig, passed: frozenset[str]) -> Sequence[str]:
    """The jump hosts of the configuration, unless they lead in a circle."""
    hosts = {split_host(jump.rpartition("@")[2])[0] for jump in config.jumps}
    return () if hosts & passed else config.jumps


def _as_user(settings: Settings, user: str) -> Settings:
    """With another user, if one is given."""
    return replace(settings, ssh_username=user, given=settings.given | {"ssh_username"}) if user else settings


def _config(settings: Settings, host: str) -> HostConfig:
    user = settings.ssh_username
    return host_config(host, user if "ssh_username" in settings.given else "", otherwise=user)


def through(tunnel: FleetTransport, name: str, host: str, port: int, deadline: Deadline) -> paramiko.Channel:
    """A connection that the far end of another one makes. Raises SshError."""
    try:
        return tunnel.open_channel("direct-tcpip", (host, port), ("127.0.0.1", 0), timeout=deadline.left())
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise SshError(f"{name} cannot connect to {host}:{port}: {words_of(error)}") from error


@contextmanager
def _within(settings: Settings, tunnel: FleetTransport, host: str, port: int) -> Iterator[FleetTransport]:
    """A connection to a machine inside one to the tunnel host. The address is resolved here (fleet 1.0)."""
    deadline = Deadline(settings.ssh_timeout)
    config = _config(settings, host)
    address = resolved(config.hostname, port)
    channel = through(tunnel, settings.tunnel, address, port, deadline)
    with _secured(settings, channel, (config.hostname, address), port, config, deadline) as transport:
        yield transport


def _tcp(host: str, port: int, deadline: Deadline) -> socket.socket:
    try:
        stream = socket.create_connection((host, port), timeout=deadline.left())
    except TimeoutError as error:
        raise SshError(f"timed out while initiating SSH connection ({host}:{port})") from error
    except (OSError, UnicodeError) as error:
        raise SshError(f"dial tcp {host}:{port}: connect: {reason(error)}") from error
    stream.settimeout(None)
    return stream


def resolved(host: str, port: int) -> str:
    """The address of a host name, as this host resolves it. Raises SshError."""
    try:
        return str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0])
    except (OSError, UnicodeError) as error:
        raise SshError(f"dial tcp {host}:{port}: {reason(error)}") from error


@contextmanager
def _secured(
    settings: Settings, stream: Any, names: tuple[str, str], port: int, config: HostConfig, deadline: Deadline
) -> Iterator[FleetTransport]:
    known = KnownHosts(settings, config.known_hosts)
    try:
        transport = FleetTransport(stream)
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise SshError(f"ssh: handshake failed: {words_of(error)}") from error
    try:
        _shake_hands(transport, known, names, port, deadline)
        _log_in(transport, settings, config, deadline)
        transport.set_keepalive(KEEPALIVE)
        yield transport
    finally:
        transport.close()


def _shake_hands(
    transport: FleetTransport, known: KnownHosts, names: tuple[str, str], port: int, deadline: Deadline
) -> None:
    """Agree on keys with the host, and make sure that it is the right one."""
    wanted = known.kinds(*(shown_address(name, port) for name in names))
    transport.prefer_host_keys(wanted)
    try:
        transport.start_client(timeout=deadline.left())
        key = transport.get_remote_server_key()
    except (paramiko.SSHException, OSError, EOFError) as error:
        deadline.left()
        raise SshError(f"ssh: handshake failed: {words_of(error)}") from error
    known.check(
        shown_address(names[1], port), HostKey(key.get_name(), key.asbytes()), shown_address(names[0], port)
    )
    deadline.left()


def _log_in(transport: FleetTransport, settings: Settings, config: HostConfig, deadline: Deadline) -> None:
    """Try the user's keys, one after the other."""
    user = config.user or settings.ssh_username  # given on the command line, it is the former
    identities = Identities(config)
    tried: list[str] = []
    for identity in identities:
        transport.auth_timeout = deadline.left()
        try:
            if not transport.auth_publickey(user, identity.key):
                return
        except paramiko.AuthenticationException:
            tried.append(identity.origin)
        except (paramiko.SSHException, OSError, EOFError) as error:
            deadline.left()
            tried.append(identity.origin)
            raise SshError(_refused(user, tried, [str(error)])) from error
        if not transport.is_active():
            break
    raise SshError(_refused(user, tried, identities.faults))


def _refused(user: str, tried: list[str], faults: list[str]) -> str:
    keys = f"tried {'; '.join(tried)}" if tried else "no key to try"
    more = "".join(f"; {fault}" for fault in faults)
    return f"ssh: unable to authenticate as {user} ({keys}{more}; --ssh-username sets the user)"
