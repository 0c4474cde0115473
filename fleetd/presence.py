"""The facts about this host that the cluster sees: its ID and its address.

Rule 1: what cannot be found out is left empty or refused with a reason, never guessed.
"""

import array
import fcntl
import ipaddress
import re
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

MACHINE_ID = Path("/etc/machine-id")
ROUTES = Path("/proc/net/route")

_SIOCGIFCONF = 0x8912
_IFREQ = struct.Struct("16sHH4s16x")  # name, family, port, address
_ROUTE_UP = 0x1
_ANYWHERE = "00000000"
_USABLE_ID = re.compile(r"[^\s/]+")


class NoMachineID(Exception):
    """This host does not say who it is."""


def machine_id(path: Path = MACHINE_ID) -> str:
    """The trimmed content of `/etc/machine-id`. Raises NoMachineID."""
    try:
        found = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NoMachineID(f"unable to determine local machine ID: {error}") from error
    if not _USABLE_ID.fullmatch(found):
        hint = "is empty (systemd-machine-id-setup writes one)" if not found else f"holds no ID: {found!r}"
        raise NoMachineID(f"unable to determine local machine ID: {path} {hint}")
    return found


def public_ip() -> str:
    """The first global unicast IPv4 address of the default route's interface; empty when there is none."""
    try:
        interface = default_interface(ROUTES.read_text())
        addresses = list(_addresses())
    except OSError:
        return ""
    return next((a for name, a in addresses if name == interface and is_global_unicast(a)), "")


def default_interface(routes: str) -> str | None:
    """The interface of the first default route in the text of `/proc/net/route`."""
    for line in routes.splitlines()[1:]:
        match line.split():
            case [interface, destination, _, flags, _, _, _, mask, *_] if destination == mask == _ANYWHERE:
                if int(flags, 16) & _ROUTE_UP:
                    return interface
    return None


def is_global_unicast(address: str) -> bool:
    """Whether others can reach a host by this IPv4 address; private ranges count (fleet 1.0)."""
    ip = ipaddress.IPv4Address(address)
    is_broadcast = int(ip) == 0xFFFFFFFF
    return not (ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified or is_broadcast)


def _addresses() -> Iterator[tuple[str, str]]:
    """The interfaces that are up, each with its IPv4 addresses in the kernel's order (netdevice(7))."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        room = array.array("B", bytes(_IFREQ.size * 1024))
        request = struct.pack("iP", len(room), room.buffer_info()[0])
        filled = struct.unpack("iP", fcntl.ioctl(asking, _SIOCGIFCONF, request))[0]
    for name, _, _, address in _IFREQ.iter_unpack(room[:filled]):
        label = name.rstrip(b"\0").decode(errors="replace")
        yield label.partition(":")[0], socket.inet_ntoa(address)
