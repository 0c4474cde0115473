"""Every type of unit that fleet schedules, on systemd; and the systemd of a user."""

import asyncio

import pytest

from tests.agent.host_contract import SLEEPS, UNIT, HostContract, becomes, launch
from tests.agent.inside.conftest import SystemdBench, command, show
from units.file import UnitFile

pytestmark = [
    pytest.mark.lab,
    pytest.mark.parametrize("bench", ["dbus_fast"], indirect=True),  # the contract suite tries both libraries
]

TYPES = {
    "fleet-test.socket": "[Socket]\nListenStream=/run/fleet-test.sock\n",
    "fleet-test.timer": "[Timer]\nOnActiveSec=1h\n",
    "fleet-test.path": "[Path]\nPathExists=/run/no-such-file\n",
    "fleet-test.target": "[Unit]\nDescription=a target\n",
    "fleet-test.slice": "[Slice]\nMemoryMax=100M\n",
    "mnt.mount": "[Mount]\nWhat=tmpfs\nWhere=/mnt\nType=tmpfs\n",
}


@pytest.mark.parametrize("name", TYPES)
async def test_a_unit_of_any_type_comes_and_goes(bench: SystemdBench, name: str) -> None:
    await bench.host.load(UNIT, SLEEPS)  # what a socket, a timer or a path starts
    await bench.host.load(name, UnitFile.from_text(TYPES[name]))
    job = await bench.host.start(name)
    assert await job is None
    await becomes(bench, lambda s: s.active == "active", name)
    await bench.restart_agent()
    await bench.host.unload(name)
    assert (await bench.host.states([name]))[name].active == "inactive"
    assert await show(name, "FragmentPath") == ""
    assert set(await bench.host.present() or ()) == {UNIT}


async def test_a_socket_starts_its_service_and_both_go(bench: SystemdBench) -> None:
    socket = "fleet-test.socket"
    await bench.host.load(UNIT, SLEEPS)
    await bench.host.load(socket, UnitFile.from_text(TYPES[socket]))
    await bench.host.start(socket)
    await becomes(bench, lambda s: s.active == "active", socket)
    _, writer = await asyncio.open_unix_connection("/run/fleet-test.sock")
    await becomes(bench, lambda s: s.active == "active")
    writer.close()
    await asyncio.gather(bench.host.unload(UNIT), bench.host.unload(socket))
    assert await bench.host.present() == {}


async def test_a_unit_whose_type_this_host_cannot_run_says_so(bench: SystemdBench) -> None:
    """systemd has no swap where it runs in a container, as it does in the hosts of a lab."""
    swap = "run-fleet\\x2dtest.swap"
    await bench.host.load(swap, UnitFile.from_text("[Swap]\nWhat=/run/fleet-test\n"))
    job = await bench.host.start(swap)
    assert await job == "systemd's job to start it ended with the result 'unsupported'"
    await bench.host.unload(swap)
    assert (await bench.host.states([swap]))[swap].load == "not-found"


class TestUserManager(HostContract):
    """The suite, on the systemd of a user."""

    @pytest.fixture
    async def bench(self, user_bench: SystemdBench) -> SystemdBench:
        return user_bench


async def test_what_systemd_is_about_to_do_to_a_unit_is_known(bench: SystemdBench) -> None:
    slow = "[Service]\nTimeoutStopSec=1\nKillSignal=SIGCONT\nExecStart=/bin/sleep 1000\n"
    await launch(bench, UnitFile.from_text(slow))
    await becomes(bench, lambda s: s.active == "active")
    assert await bench.host.job_type(UNIT) is None
    assert await bench.host.job_type("no-such.service") is None
    await command("systemctl", "restart", "--no-block", UNIT)
    assert await bench.host.job_type(UNIT) == "restart"
    await command("systemctl", "stop", "--no-block", UNIT)
    assert await bench.host.job_type(UNIT) == "stop"
