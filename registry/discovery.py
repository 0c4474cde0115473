"""The members of etcd as DNS names them: `_etcd-client-ssl._tcp` and `_etcd-client._tcp` of a domain.

Rule 1: every name is asked for as it stands, never below the search domains of this host.
Rule 2: members that speak TLS come first, then those of the lowest priority, then of the highest weight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from registry.settings import BadSettings

if TYPE_CHECKING:
    from dns.rdtypes.IN.SRV import SRV
    from dns.resolver import Resolver

SERVICES: Final = {"_etcd-client-ssl._tcp": "https", "_etcd-client._tcp": "http"}
"""The names that etcd's own clients look up, and how what they name is spoken to."""

PATIENCE: Final = 10.0
"""Seconds for all questions about one domain together: a resolver that is just starting is waited for."""


def discovered(
    domain: str, *, resolver: Resolver | None = None, patience: float = PATIENCE
) -> tuple[str, ...]:
    """The URLs of the members that a domain names, asked of this host's resolvers unless one is given.

    Blocks until they have answered, at most `patience` seconds. Raises BadSettings, which names the domain
    and the cause.
    """
    try:
        import dns.exception
        import dns.resolver
    except ImportError as error:
        raise BadSettings(
            f"etcd_discovery_srv={domain} needs a library that is not installed (pip install dnspython)"
        ) from error
    try:
        asked = resolver or dns.resolver.get_default_resolver()
        urls = [url for service in SERVICES for url in _members(asked, service, domain.strip("."), patience)]
    except (dns.exception.DNSException, OSError) as error:
        raise BadSettings(f"the members of etcd at {domain} cannot be looked up in DNS: {error}") from error
    if not urls:
        raise BadSettings(f"DNS names no members of etcd at {domain} ({' or '.join(SERVICES)}.{domain})")
    return tuple(dict.fromkeys(urls))


def _members(resolver: Resolver, service: str, domain: str, patience: float) -> list[str]:
    """What one service of a domain names, in the order in which to use it. Raises DNSException."""
    import dns.resolver

    try:
        answer = resolver.resolve(
            f"{service}.{domain}.", "SRV", search=False, lifetime=patience / len(SERVICES)
        )
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    found = sorted((rdata.priority, -rdata.weight, _address(rdata)) for rdata in answer)
    # A single dot for a target says that the service is decidedly not there (RFC 2782).
    return [f"{SERVICES[service]}://{address}" for *_, address in found if not address.startswith(":")]


def _address(rdata: SRV) -> str:
    return f"{rdata.target.to_text(omit_final_dot=True).strip('.')}:{rdata.port}"
