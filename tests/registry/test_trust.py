"""Passwords and certificates between a daemon and etcd, in both of its APIs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from registry.errors import Refused, Unavailable
from registry.open import Settings
from registry.port import Everything
from tests.registry.builders import A, job, machine, report, unit_file
from tests.registry.certificates import Authority
from tests.registry.conftest import FAST_ELECTIONS
from tests.registry.locks import ROOT, lock, opened, tls_options
from tests.registry.members import ETCD, Cluster
from tests.registry.world import soon

pytestmark = pytest.mark.skipif(ETCD is None, reason="etcd is not installed")

V2 = (*FAST_ELECTIONS, "--enable-v2")


@pytest.fixture(params=[2, 3], ids=["v2", "v3"])
def version(request: pytest.FixtureRequest) -> int:
    chosen: int = request.param
    return chosen


@pytest.fixture
async def locked(version: int) -> AsyncIterator[Settings]:
    """An etcd that wants a user and a password; what to open it with, but for them."""
    with Cluster(options=V2) as cluster:
        await lock(cluster.urls[0], version)
        yield Settings(cluster.urls, api_version=version)


async def test_a_user_with_a_password_is_let_in(locked: Settings) -> None:
    known = replace(locked, username=ROOT.username, password=ROOT.password)
    async with (
        opened(known) as registry,
        registry.follow(Everything()) as view,
        registry.join(machine(), ttl=5) as session,
    ):
        await session.report([report()], [])
        await registry.save(job(), unit_file(), seen=None)
        assert (await view.fresh()).jobs == {A: job()}


STRANGERS = {
    "no user": ({}, "user or password is wrong, or lacks the rights", "user name is empty"),
    "a wrong password": (
        {"username": "root", "password": "wrong"},
        "user or password is wrong, or lacks the rights",
        "authentication failed",
    ),
}


@pytest.mark.parametrize(("who", "said2", "said3"), STRANGERS.values(), ids=STRANGERS)
async def test_who_may_not_enter_is_told_why(
    locked: Settings, who: dict[str, str], said2: str, said3: str
) -> None:
    said = rf"etcd at 127\.0\.0\.1:\d+: {said2 if locked.api_version == 2 else said3}"
    stranger = Settings(locked.servers, api_version=locked.api_version, **who)  # type: ignore[arg-type]
    async with opened(stranger) as registry:
        with pytest.raises(Refused, match=said):
            await soon(registry.job(A))
        with pytest.raises(Refused, match=said):
            async with registry.follow(Everything()):
                pass
        with pytest.raises(Refused, match=said):
            async with registry.join(machine(), ttl=5):
                pass


async def test_a_password_that_etcd_does_not_ask_for_does_no_harm(
    etcd: Cluster, prefix: str, version: int
) -> None:
    async with opened(replace(ROOT, servers=etcd.urls, prefix=prefix, api_version=version)) as registry:
        await registry.save(job(), unit_file(), seen=None)
        assert await registry.job(A) == job()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture(params=[False, True], ids=["server only", "both sides"])
def tls(request: pytest.FixtureRequest, authority: Authority) -> Iterator[Cluster]:
    """An etcd that shows a certificate, and may want to see one."""
    options = tls_options(authority, both_sides=request.param)
    with Cluster(options=(*V2, *options), scheme="https") as cluster:
        yield cluster


async def test_certificates_prove_who_is_who(tls: Cluster, authority: Authority, version: int) -> None:
    certificate, key = authority.issue("client")
    settings = replace(
        Settings(tls.urls, "/t/", 2.0, api_version=version),
        ca_file=authority.file,
        cert_file=certificate,
        key_file=key,
    )
    async with opened(settings) as registry, registry.follow(Everything()) as view:
        await registry.save(job(), unit_file(), seen=None)
        assert (await view.fresh()).jobs == {A: job()}


@pytest.mark.parametrize("with_certificate", [False, True])
async def test_a_server_that_is_not_trusted_is_refused(
    tls: Cluster, tmp_path: Path, with_certificate: bool, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1.0 checked nothing unless it had a certificate of its own. The environment has no say either."""
    other = Authority(tmp_path, "other")
    certificate, key = other.issue("client") if with_certificate else ("", "")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    settings = replace(
        Settings(tls.urls, "/t/", 2.0, api_version=version),
        ca_file=other.file,
        cert_file=certificate,
        key_file=key,
    )
    async with opened(settings) as registry:
        with pytest.raises(Refused, match=r"(?i)etcd at 127\.0\.0\.1:\d+: .*certificate"):
            await soon(registry.job(A))


@pytest.mark.parametrize("tls", [True], indirect=True, ids=["both sides"])
async def test_a_client_that_is_not_trusted_is_told_what_is_wanted(
    tls: Cluster, authority: Authority, version: int
) -> None:
    settings = Settings(tls.urls, ca_file=authority.file, request_timeout=2.0, api_version=version)
    async with opened(settings) as registry:
        with pytest.raises(
            (Refused, Unavailable), match=r"etcd at 127\.0\.0\.1:\d+: .*want.* a client certificate"
        ):
            await soon(registry.job(A))
