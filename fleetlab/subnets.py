"""Addresses of a lab, all out of 198.18.0.0/15: the range that RFC 2544 keeps for test benches."""

from ipaddress import IPv4Network

RANGE = IPv4Network("198.18.0.0/15")
LABS = 512
FIRST_HOST = 11
HOSTS = 244
MEMBERS = 9


def subnet(index: int) -> IPv4Network:
    """The /24 of the lab with this index."""
    return IPv4Network((int(RANGE.network_address) + 256 * index, 24))


def gateway(index: int) -> str:
    """The bridge's own address."""
    return str(subnet(index)[1])


def member_address(index: int, number: int) -> str:
    """Where the etcd member with this number (from 1) listens."""
    return str(subnet(index)[1 + number])


def host_address(index: int, number: int) -> str:
    """Where the host with this number (from 1) is."""
    return str(subnet(index)[FIRST_HOST + number - 1])


def mac(address: str) -> str:
    """A hardware address made of the IP address, so that neighbours' caches stay right after a reboot."""
    return "02:00:" + ":".join(f"{int(part):02x}" for part in address.split("."))
