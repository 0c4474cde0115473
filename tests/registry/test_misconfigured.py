"""What an operator gets wrong is answered with the endpoint, the cause, and what to do about it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from registry.errors import RegistryError, Unavailable
from registry.open import Settings, open_registry
from tests.ports import free_port
from tests.registry.builders import A
from tests.registry.conftest import FAST_ELECTIONS
from tests.registry.members import ETCD, Cluster
from tests.registry.world import soon

pytestmark = pytest.mark.skipif(ETCD is None, reason="etcd is not installed")

BOTH = pytest.mark.parametrize("version", [2, 3])


async def refusal(url: str, version: int) -> str:
    """What is said of a server that cannot be used, apart from its address, which must be named."""
    registry = open_registry(Settings(servers=(url,), request_timeout=0.3, api_version=version))
    try:
        with pytest.raises(RegistryError) as refused:
            await soon(registry.job(A))
    finally:
        await registry.close()
    named, _, said = str(refused.value).partition(": ")
    assert named == f"etcd at {url.partition('://')[2]}"
    return said


@BOTH
async def test_a_port_that_nobody_listens_on(version: int) -> None:
    assert "Connection refused" in await refusal(f"http://127.0.0.1:{free_port()}", version)


@BOTH
async def test_a_host_that_cannot_exist(version: int) -> None:
    # Nobody is asked for the address of such a name.
    said = await refusal("http://nowhere..invalid:2379", version)
    assert {2: "label empty", 3: "Misformatted domain name"}[version] in said


@pytest.fixture
async def ancient() -> AsyncIterator[str]:
    """A server that speaks HTTP 1 only, as etcd 2.x did."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_server_of_v2_only(ancient: str) -> None:
    assert "set etcd_api=2" in await refusal(ancient, 3)


async def test_a_member_without_a_quorum_behind_it() -> None:
    with Cluster(3, options=FAST_ELECTIONS) as three:
        for member in three.members[1:]:
            member.kill()
        registry = open_registry(Settings(servers=three.urls[:1], request_timeout=1.0))
        try:
            with pytest.raises(Unavailable, match=r"127\.0\.0\.1.*(no leader|no answer in time)"):
                await soon(registry.job(A))
        finally:
            await registry.close()


@BOTH
async def test_a_server_whose_url_should_say_https(tls_url: str, version: int) -> None:
    assert "its URL begins with https://" in await refusal(tls_url.replace("https", "http"), version)


@BOTH
async def test_a_server_whose_url_should_say_http(etcd: Cluster, version: int) -> None:
    assert "its URL begins with http://" in await refusal(etcd.urls[0].replace("http", "https"), version)


@pytest.fixture
async def tls_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    from tests.registry.certificates import Authority

    certificate, key = Authority(tmp_path_factory.mktemp("authority")).issue("server")
    options = [*FAST_ELECTIONS, f"--cert-file={certificate}", f"--key-file={key}"]
    with Cluster(options=options, scheme="https") as cluster:
        yield cluster.urls[0]
