"""Passwords and certificates between a daemon and etcd."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from registry.errors import Refused, Unavailable
from registry.etcd3.client import Client
from registry.open import Settings, open_registry
from registry.port import Everything, OneMachine, Registry
from registry.settings import Credentials, Endpoint
from tests.registry.builders import M1, A, job, machine, report, unit_file
from tests.registry.certificates import Authority
from tests.registry.conftest import FAST_ELECTIONS
from tests.registry.members import ETCD, Cluster
from tests.registry.world import seen, soon

pytestmark = pytest.mark.skipif(ETCD is None, reason="etcd is not installed")

ROOT = Settings(username="root", password="secret")


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Registry]:
    registry = open_registry(settings)
    try:
        yield registry
    finally:
        await registry.close()


async def enable_authentication(url: str) -> None:
    client = Client([Endpoint.from_url(url)], Credentials(), timeout=2)
    message = client.stubs
    name, password = ROOT.username, ROOT.password
    grant = message.AuthUserGrantRoleRequest(user=name, role="root")
    await client.call("Auth.UserAdd", message.AuthUserAddRequest(name=name, password=password), again=True)
    await client.call("Auth.RoleAdd", message.AuthRoleAddRequest(name="root"), again=True)
    await client.call("Auth.UserGrantRole", grant, again=True)
    await client.call("Auth.AuthEnable", message.AuthEnableRequest(), again=True)
    await client.close()


@pytest.fixture
async def locked() -> AsyncIterator[Cluster]:
    """An etcd that wants a user and a password, and forgets who has logged in after 2 s."""
    with Cluster(options=[*FAST_ELECTIONS, "--auth-token-ttl=2"]) as cluster:
        await enable_authentication(cluster.urls[0])
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
    ("settings", "said"),
    [
        (Settings(), "user name is empty"),
        (Settings(username="root", password="wrong"), "authentication failed"),
    ],
    ids=["no user", "a wrong password"],
)
async def test_who_may_not_enter_is_told_why(locked: Cluster, settings: Settings, said: str) -> None:
    async with opened(replace(settings, servers=locked.urls)) as registry:
        with pytest.raises(Refused, match=said):
            await soon(registry.job(A))
        with pytest.raises(Refused, match=said):
            async with registry.follow(Everything()):
                pass
        with pytest.raises(Refused, match=said):
            async with registry.join(machine(), ttl=5):
                pass


async def test_a_token_that_a_restart_has_made_void_is_renewed(locked: Cluster) -> None:
    (member,) = locked.members
    async with (
        opened(replace(ROOT, servers=locked.urls)) as registry,
        registry.follow(Everything()) as view,
        registry.follow(OneMachine(M1)) as own,
        registry.join(machine(), ttl=4) as session,
    ):
        member.kill()
        await member.restart()
        await soon(session.report([report()], []))
        await seen(view, lambda p: p.reports)
        await registry.save(job(is_global=True), unit_file(is_global=True), seen=None)
        await seen(own, lambda p: p.jobs)


async def test_a_request_with_a_void_token_is_repeated_with_a_new_one(locked: Cluster) -> None:
    (member,) = locked.members
    async with opened(replace(ROOT, servers=locked.urls)) as registry:
        await registry.save(job(), unit_file(), seen=None)
        member.kill()
        await member.restart()
        found = await soon(registry.job(A))
        assert found is not None
        member.kill()
        await member.restart()
        await soon(registry.destroy(found))


async def test_a_password_that_etcd_does_not_ask_for_does_no_harm(etcd: Cluster, prefix: str) -> None:
    async with opened(replace(ROOT, servers=etcd.urls, prefix=prefix)) as registry:
        await registry.save(job(), unit_file(), seen=None)
        assert await registry.job(A) == job()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def tls(authority: Authority) -> Iterator[Cluster]:
    """An etcd that shows a certificate and wants to see one."""
    certificate, key = authority.issue("server")
    options = [
        f"--cert-file={certificate}",
        f"--key-file={key}",
        "--client-cert-auth",
        f"--trusted-ca-file={authority.file}",
    ]
    with Cluster(options=[*FAST_ELECTIONS, *options], scheme="https") as cluster:
        yield cluster


async def test_both_sides_prove_themselves_by_certificates(tls: Cluster, authority: Authority) -> None:
    certificate, key = authority.issue("client")
    settings = Settings(tls.urls, ca_file=authority.file, cert_file=certificate, key_file=key)
    async with opened(settings) as registry, registry.follow(Everything()) as view:
        await registry.save(job(), unit_file(), seen=None)
        assert (await view.fresh()).jobs == {A: job()}


async def test_a_server_that_is_not_trusted_is_refused(tls: Cluster, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other")
    certificate, key = other.issue("client")
    async with opened(
        Settings(tls.urls, ca_file=other.file, cert_file=certificate, key_file=key)
    ) as registry:
        with pytest.raises(Refused, match=r"(?i)certificate"):
            await soon(registry.job(A))


async def test_a_client_that_is_not_trusted_gets_no_answer(tls: Cluster, authority: Authority) -> None:
    async with opened(Settings(tls.urls, ca_file=authority.file, request_timeout=0.3)) as registry:
        with pytest.raises((Refused, Unavailable)) as refused:
            await soon(registry.job(A))
        assert "127.0.0.1" in str(refused.value)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_wrong_scheme_is_an_error_that_names_the_server(
    etcd: Cluster, tls: Cluster, authority: Authority, scheme: str
) -> None:
    right = tls.urls[0] if scheme == "http" else etcd.urls[0]
    wrong = f"{scheme}://{right.partition('://')[2]}"
    async with opened(Settings((wrong,), ca_file=authority.file, request_timeout=0.3)) as registry:
        with pytest.raises((Refused, Unavailable)) as refused:
            await soon(registry.job(A))
        assert right.partition("://")[2] in str(refused.value)
