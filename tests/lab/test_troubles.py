"""What a host cannot do is shown, with its reason, and nobody waits in the dark for it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from fleetlab import wait_until
from tests.lab.cluster import Cluster, service

pytestmark = [pytest.mark.lab, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def c(shared: Cluster) -> AsyncIterator[Cluster]:
    """The shared cluster, empty again after each test."""
    yield shared
    files = (await shared.fleetctl("list-unit-files", "--no-legend", "--fields=unit")).stdout.split()
    if files:
        await shared.fleetctl("destroy", *files)


CANNOT_START = {
    "nothing to run": ("[Service]\nType=simple\n", "bad-setting"),
    "a requirement that is nowhere": (
        "[Unit]\nRequires=nowhere.service\nAfter=nowhere.service\n" + service(),
        "nowhere.service",
    ),
}


@pytest.mark.parametrize(("text", "said"), CANNOT_START.values(), ids=CANNOT_START.keys())
async def test_a_unit_that_systemd_refuses_to_start_is_told_at_once_and_shown_as_failed(
    c: Cluster, text: str, said: str
) -> None:
    started = await c.start({"bad.service": text}, check=False)
    assert started.exit_code != 0
    assert "bad.service" in started.stderr
    await wait_until(lambda: _states(c, "bad.service", {"failed"}), 60, "the unit to be shown as failed")
    assert said in await _reports(c) + str(await c.api("state"))


async def test_a_global_unit_whose_name_one_host_has_runs_on_the_others_and_says_why_not_there(
    c: Cluster,
) -> None:
    path = "/etc/systemd/system/taken.service"
    c["h2"].write(path, service())
    await c["h2"].run("systemctl", "daemon-reload")
    await c.start({"taken.service": service("Global=true")}, "--no-block")
    await wait_until(lambda: _states(c, "taken.service", {"active", "failed"}), 60, "all three to be shown")
    assert (await c.shown())["taken.service"] == {"h1": "active", "h2": "failed", "h3": "active"}
    assert path in await _reports(c)
    await c["h2"].run("rm", path)
    await c["h2"].run("systemctl", "daemon-reload")
    await c.comes_to({"taken.service": 3})
    await wait_until(lambda: _states(c, "taken.service", {"active"}), 60, "all three to be shown as active")
    assert path not in await _reports(c)


async def _states(c: Cluster, unit: str, expected: set[str]) -> bool:
    return set((await c.shown()).get(unit, {}).values()) == expected


async def _reports(c: Cluster) -> str:
    return await c.lab.etcd.ctl("get", "--prefix", "/_coreos.com/fleet/state/", "--print-value-only")
