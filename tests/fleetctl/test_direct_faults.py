"""--driver=etcd when etcd cannot be used: each server is named, with the cause and what to do about it."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleetctl.conftest import Shell
from tests.ports import free_port
from tests.registry.certificates import Authority
from tests.registry.locks import lock, tls_options
from tests.registry.members import ETCD, Cluster

pytestmark = pytest.mark.skipif(ETCD is None, reason="etcd is not installed")

BOTH = pytest.mark.parametrize("version", [2, 3])
SHORT = 2.0
"""Seconds for which is tried what may pass; what never will is told at once."""
LONG = 30.0


def said_of(shell: Shell, urls: tuple[str, ...], version: int, *words: str, timeout: float = SHORT) -> str:
    """What list-machines says of etcd at these addresses, after it has named it."""
    flags = ("--driver=etcd", f"--endpoint={','.join(urls)}", f"--etcd-api={version}")
    failed = shell(*flags, f"--request-timeout={timeout}", *words, "list-machines")
    assert (failed.status, failed.out) == (1, "")
    start = "Error retrieving list of active machines from fleet API (etcd at "
    (line,) = (line for line in failed.err.splitlines() if line.startswith(start))
    assert "Traceback" not in failed.err
    return line.removeprefix(start)


@BOTH
def test_nobody_listens(alone: Shell, version: int) -> None:
    address = f"127.0.0.1:{free_port()}"
    said = said_of(alone, (f"http://{address}",), version)
    assert said.startswith(f"{address}: ")
    assert "Connection refused" in said


@BOTH
def test_the_host_has_no_address(alone: Shell, version: int) -> None:
    said = said_of(alone, ("http://nowhere..invalid:2379",), version)  # nobody is asked for such a name
    assert said.startswith("nowhere..invalid:2379: ")
    assert {2: "label empty", 3: "Misformatted domain name"}[version] in said


def test_the_server_does_not_serve_v2(alone: Shell) -> None:
    with Cluster() as cluster:
        assert "--enable-v2=true" in said_of(alone, cluster.urls, 2)


@BOTH
def test_the_password_is_wrong(alone: Shell, version: int) -> None:
    with Cluster(options=("--enable-v2",)) as cluster:
        asyncio.run(lock(cluster.urls[0], version))
        words = {2: "user or password is wrong", 3: "authentication failed"}
        # etcd takes its time to compare a password.
        wrong = ("--etcd-username=root", "--etcd-password=wrong")
        assert words[version] in said_of(alone, cluster.urls, version, *wrong, timeout=LONG)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def tls(authority: Authority) -> Iterator[Cluster]:
    """An etcd that wants certificates."""
    options = (*tls_options(authority, both_sides=True), "--enable-v2")
    with Cluster(options=options, scheme="https") as cluster:
        yield cluster


@BOTH
def test_certificates_are_wrong_or_missing(
    alone: Shell, tls: Cluster, authority: Authority, tmp_path: Path, version: int
) -> None:
    stranger = Authority(tmp_path, "stranger")
    strange = said_of(alone, tls.urls, version, f"--ca-file={stranger.file}", timeout=LONG)
    assert "CERTIFICATE_VERIFY_FAILED" in strange
    assert "client certificate" in said_of(alone, tls.urls, version, f"--ca-file={authority.file}")
    plain = tuple(url.replace("https", "http") for url in tls.urls)
    assert "its URL begins with https://" in said_of(alone, plain, version)


@BOTH
def test_each_of_several_servers_is_named_and_there_is_no_quorum(alone: Shell, version: int) -> None:
    with Cluster(3, options=("--enable-v2",)) as three:
        for member in three.members[1:]:
            member.kill()
        said = said_of(alone, three.urls[:1], version)
        assert "too few members of its cluster are up" in said
        assert "refused" in said_of(alone, three.urls[1:], version)
        both = said_of(alone, three.urls[1:], version)
        assert all(url.removeprefix("http://") in both for url in three.urls[1:])


@BOTH
def test_a_server_that_hangs_is_given_up(alone: Shell, version: int) -> None:
    with Cluster(options=("--enable-v2",)) as cluster:
        cluster.members[0].freeze()
        try:
            began = time.monotonic()
            said = said_of(alone, cluster.urls, version)
            assert "no answer" in said or "timed out" in said or "no connection" in said
            assert time.monotonic() - began < 60 * SHORT
        finally:
            cluster.members[0].thaw()
