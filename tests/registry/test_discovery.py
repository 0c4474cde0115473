"""Members of etcd that are found by their domain."""

from __future__ import annotations

import pytest

pytest.importorskip("dns.resolver")

import dns.rcode
import dns.resolver

from registry.discovery import discovered
from registry.open import Settings, open_registry
from registry.settings import BadSettings
from tests.registry.builders import A, job, unit_file
from tests.registry.dns_server import Zone, dns_server
from tests.registry.members import Cluster

PLAIN, TLS = "_etcd-client._tcp.example.com", "_etcd-client-ssl._tcp.example.com"

CASES: dict[str, tuple[Zone, tuple[str, ...]]] = {
    "plain members": (
        {PLAIN: ["0 0 2379 e1.example.com.", "0 0 2379 e2.example.com."]},
        ("http://e1.example.com:2379", "http://e2.example.com:2379"),
    ),
    "members with TLS": ({TLS: ["0 0 4001 e1.example.com."]}, ("https://e1.example.com:4001",)),
    "TLS comes first": (
        {PLAIN: ["0 0 1 a.example.com."], TLS: ["9 0 2 b.example.com."]},
        ("https://b.example.com:2", "http://a.example.com:1"),
    ),
    "the lowest priority comes first, and in it the highest weight": (
        {PLAIN: ["2 0 1 c.example.com.", "1 5 1 b.example.com.", "1 9 1 a.example.com."]},
        ("http://a.example.com:1", "http://b.example.com:1", "http://c.example.com:1"),
    ),
    "a service that is decidedly not there": (
        {PLAIN: ["0 0 1 a.example.com."], TLS: ["0 0 0 ."]},
        ("http://a.example.com:1",),
    ),
    "a name without records beside one with": (
        {PLAIN: ["0 0 1 a.example.com."], TLS: []},
        ("http://a.example.com:1",),
    ),
}


@pytest.mark.parametrize(("zone", "urls"), CASES.values(), ids=CASES)
def test_a_domain_names_members(zone: Zone, urls: tuple[str, ...]) -> None:
    with dns_server(zone) as resolver:
        assert discovered("example.com", resolver=resolver) == urls
        assert discovered("example.com.", resolver=resolver) == urls


def test_a_domain_without_members_is_an_error_that_says_what_was_looked_for() -> None:
    with dns_server({}) as resolver, pytest.raises(BadSettings) as refused:
        discovered("example.com", resolver=resolver)
    assert "example.com" in str(refused.value)
    assert "_etcd-client._tcp" in str(refused.value)


@pytest.mark.parametrize("code", [dns.rcode.SERVFAIL, dns.rcode.REFUSED])
def test_a_server_that_fails_is_an_error_that_names_the_domain(code: dns.rcode.Rcode) -> None:
    with dns_server({PLAIN: []}, code=code) as resolver, pytest.raises(BadSettings, match=r"example\.com"):
        discovered("example.com", resolver=resolver)


def test_a_server_that_does_not_answer_is_given_up() -> None:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], 9
    with pytest.raises(BadSettings, match=r"example\.com"):
        discovered("example.com", resolver=resolver, patience=0.2)


@pytest.mark.parametrize("domain", ["", ".", "a..b", "x" * 64 + ".com", "-- --"])
def test_a_domain_that_is_none_is_an_error(domain: str) -> None:
    with dns_server({}) as resolver, pytest.raises(BadSettings):
        discovered(domain or ".", resolver=resolver)


async def test_a_registry_is_reached_by_its_domain(etcd: Cluster, prefix: str) -> None:
    port = etcd.urls[0].rpartition(":")[2]
    with dns_server({PLAIN: [f"0 0 {port} localhost."]}) as resolver:
        dns.resolver.default_resolver = resolver
        try:
            registry = open_registry(Settings(prefix=prefix, discovery_srv="example.com"))
        finally:
            dns.resolver.default_resolver = None
    try:
        await registry.save(job(), unit_file(), seen=None)
        assert await registry.job(A) == job()
    finally:
        await registry.close()
