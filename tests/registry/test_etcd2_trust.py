"""Passwords and certificates between a daemon and the v2 API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from registry.errors import Refused, Unavailable
from registry.open import Settings
from registry.port import Everything
from tests.registry.builders import A, job, machine, report, unit_file
from tests.registry.certificates import Authority
from tests.registry.conftest import FAST_ELECTIONS
from tests.registry.members import ETCD, Cluster
from tests.registry.test_etcd3_trust import opened
from tests.registry.world import soon

pytestmark = pytest.mark.skipif(ETCD is None, reason="etcd is not installed")

V2 = (*FAST_ELECTIONS, "--enable-v2")
ROOT = Settings(username="root", password="secret", api_version=2)


def enable_authentication(url: str) -> None:
    """From now on only root may do anything."""
    auth = ("root", "secret")

    def put(path: str, body: dict[str, Any] | None = None) -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.put(f"{url}/v2/auth/{path}", json=body, auth=auth, timeout=10).raise_for_status()

    put("users/root", {"user": "root", "password": "secret"})
    put("enable")
    put("roles/guest", {"role": "guest", "revoke": {"kv": {"read": ["/*"], "write": ["/*"]}}})


@pytest.fixture
async def locked() -> AsyncIterator[Cluster]:
    """An etcd that wants a user and a password."""
    with Cluster(options=V2) as cluster:
        await asyncio.to_thread(enable_authentication, cluster.urls[0])
        yield cluster


async def test_a_user_with_a_password_is_let_in(locked: Cluster) -> None:
    async with (
        opened(replace(ROOT, servers=locked.urls)) as registry,
        registry.follow(Everything()) as view,
        registry.join(machine(), ttl=5) as session,
    ):
        await session.report([report()], [])
        await registry.save(job(), unit_file(), seen=None)
        assert (await view.fresh()).jobs == {A: job()}


@pytest.mark.parametrize(
    "settings",
    [Settings(api_version=2), replace(ROOT, password="wrong")],
    ids=["no user", "a wrong password"],
)
async def test_who_may_not_enter_is_told_why(locked: Cluster, settings: Settings) -> None:
    async with opened(replace(settings, servers=locked.urls)) as registry:
        said = r"etcd at 127\.0\.0\.1:\d+: user or password is wrong, or lacks the rights"
        with pytest.raises(Refused, match=said):
            await soon(registry.job(A))
        with pytest.raises(Refused, match=said):
            async with registry.follow(Everything()):
                pass
        with pytest.raises(Refused, match=said):
            async with registry.join(machine(), ttl=5):
                pass


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture(params=[False, True], ids=["server only", "both sides"])
def tls(request: pytest.FixtureRequest, authority: Authority) -> Iterator[Cluster]:
    """An etcd that shows a certificate, and may want to see one."""
    certificate, key = authority.issue("server")
    options = [f"--cert-file={certificate}", f"--key-file={key}"]
    if request.param:
        options += ["--client-cert-auth", f"--trusted-ca-file={authority.file}"]
    with Cluster(options=[*V2, *options], scheme="https") as cluster:
        yield cluster


async def test_certificates_prove_who_is_who(tls: Cluster, authority: Authority) -> None:
    certificate, key = authority.issue("client")
    settings = Settings(tls.urls, ca_file=authority.file, cert_file=certificate, key_file=key, api_version=2)
    async with opened(settings) as registry, registry.follow(Everything()) as view:
        await registry.save(job(), unit_file(), seen=None)
        assert (await view.fresh()).jobs == {A: job()}


@pytest.mark.parametrize("with_certificate", [False, True])
async def test_a_server_that_is_not_trusted_is_refused(
    tls: Cluster, tmp_path: Path, with_certificate: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1.0 checked nothing unless it had a certificate of its own. The environment has no say either."""
    other = Authority(tmp_path, "other")
    certificate, key = other.issue("client") if with_certificate else ("", "")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    settings = Settings(tls.urls, ca_file=other.file, cert_file=certificate, key_file=key, api_version=2)
    async with opened(settings) as registry:
        with pytest.raises(Refused, match=r"(?i)etcd at 127\.0\.0\.1:\d+: .*certificate"):
            await soon(registry.job(A))


async def test_the_wrong_scheme_is_an_error_that_names_the_server(tls: Cluster, authority: Authority) -> None:
    for url in (tls.urls[0].replace("https", "http"),):
        settings = Settings((url,), ca_file=authority.file, request_timeout=0.3, api_version=2)
        async with opened(settings) as registry:
            with pytest.raises((Refused, Unavailable), match=url.removeprefix("http://")):
                await soon(registry.job(A))


async def test_tls_to_a_server_without_it_is_an_error_that_names_the_server(
    etcd: Cluster, authority: Authority
) -> None:
    url = etcd.urls[0].replace("http", "https")
    settings = Settings((url,), ca_file=authority.file, request_timeout=0.3, api_version=2)
    async with opened(settings) as registry:
        with pytest.raises((Refused, Unavailable), match=url.removeprefix("https://")):
            await soon(registry.job(A))
