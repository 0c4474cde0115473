"""A systemd that hangs is told about, holds up nobody else, and goes on where it was when it wakes up."""

import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from fleetlab import Host, wait_until
from tests.lab.cluster import Cluster, service

pytestmark = [pytest.mark.lab, pytest.mark.asyncio(loop_scope="module")]


@asynccontextmanager
async def hung(host: Host) -> AsyncIterator[None]:
    """A host whose systemd does nothing any more; all else there runs on."""
    assert host.leader is not None
    os.kill(host.leader, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(host.leader, signal.SIGCONT)


async def test_a_hung_systemd_shows_as_blocked_and_others_go_on(shared: Cluster) -> None:
    c = shared
    await c.start({f"a{i}.service": service() for i in range(3)})
    running = await c.running("a0.service", "a1.service")
    sick = c[running["a0.service"][0]]
    well = next(host.name for host in c.hosts if host is not sick)
    async with hung(sick):
        await c.fleetctl("stop", "--no-block", "a0.service", on=well)

        async def reason() -> str:
            listed = await c.fleetctl("list-units", "-o", "json", "a0.service", on=well)
            return "".join(str(row["reason"]) for row in json.loads(listed.stdout))

        async def is_blocked() -> bool:
            return "blocked for" in await reason() and " s in StopUnit" in await reason()

        await wait_until(is_blocked, 60, "the host to say that it is blocked")
        assert "blocked for" in (await c.fleetctl("why", "a0.service", on=well)).stdout
        await c.fleetctl("start", *c.write({"b.service": service()}, on=well), on=well)
        (place,) = (await c.shown(on=well))["b.service"]
        assert place != sick.name, "a host whose systemd hangs takes no more"
    await c.comes_to({"a0.service": 0, "a1.service": 1, "b.service": 1}, timeout=60)

    async def is_stopped() -> bool:
        return await reason() == "" and list((await c.shown())["a0.service"].values()) == ["inactive"]

    await wait_until(is_stopped, 60, "the stop to be over")
