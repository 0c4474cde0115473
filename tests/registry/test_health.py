"""Each server is looked at by itself."""

from __future__ import annotations

import pytest

from registry.health import health
from registry.settings import Settings
from tests.ports import free_port
from tests.registry.members import Cluster


@pytest.mark.parametrize("version", [2, 3])
async def test_servers_are_told_apart(etcd: Cluster, version: int) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    settings = Settings(servers=(*etcd.urls, nowhere), api_version=version, request_timeout=1.0)
    well, ill = await health(settings)
    assert (well.server, well.fault) == (etcd.urls[0], "")
    assert ill.server == nowhere
    assert nowhere.removeprefix("http://") in ill.fault
    assert ill.seconds < 5


async def test_a_domain_that_names_no_server_is_told() -> None:
    (ill,) = await health(Settings(discovery_srv="a..b"))
    assert (ill.server, "a..b" in ill.fault) == ("a..b", True)
