"""Where units of fleet 1.0 got stuck: each must come to rest, on a real systemd."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.local import LocalHost
from registry.port import Displace, Place
from registry.records import Report, ScheduleEntry
from tests.agent.host_contract import NO_PROGRAM, SLEEPS, SLEEPS_LONGER, UNIT, becomes, launch
from tests.agent.inside.conftest import SystemdBench, command, show
from tests.agent.world import ME, is_, is_gone, world
from units.file import UnitFile
from units.state import TargetState

pytestmark = [
    pytest.mark.lab,
    pytest.mark.parametrize("bench", ["dbus_fast"], indirect=True),  # the contract suite tries both libraries
]

OTHER = "fleet-test-2.service"
NEVER_READY = UnitFile.from_text("[Service]\nType=notify\nExecStart=/bin/sleep 1000\n")
STUBBORN = UnitFile.from_text("[Service]\nTimeoutStopSec=1\nKillSignal=SIGCONT\nExecStart=/bin/sleep 1000\n")
SLOW_STOP = UnitFile.from_text("[Service]\nExecStart=/bin/sleep 1000\nExecStop=/bin/sleep 1\n")


@pytest.fixture
async def host(bench: SystemdBench) -> LocalHost:
    return bench.new_host()


async def test_destroyed_and_submitted_again_at_once_it_runs_the_new_content(host: LocalHost) -> None:
    async with world(host) as w:
        await w.schedule(UNIT, SLEEPS)
        await w.reported(UNIT, is_("active"))
        for file in (SLEEPS_LONGER, SLEEPS, SLEEPS_LONGER):
            await w.unschedule(UNIT)
            await w.schedule(UNIT, file)
        await w.reported(UNIT, lambda r: is_("active")(r) and r and r.hash == SLEEPS_LONGER.hash)
        assert "sleep 2000" in await show(UNIT, "ExecStart")


async def test_replaced_while_it_starts_it_runs_the_new_content(host: LocalHost) -> None:
    async with world(host) as w:
        await w.schedule(UNIT, NEVER_READY)
        await w.reported(UNIT, is_("activating"))
        await w.schedule(UNIT, SLEEPS)
        await w.reported(UNIT, lambda r: is_("active")(r) and r and r.hash == SLEEPS.hash)


async def test_destroyed_while_it_starts_it_goes(host: LocalHost) -> None:
    async with world(host) as w:
        await w.schedule(UNIT, NEVER_READY)
        await w.reported(UNIT, is_("activating"))
        await w.unschedule(UNIT)
        await w.reported(UNIT, is_gone)
    assert await show(UNIT, "LoadState") == "not-found"


@pytest.mark.parametrize("file", [STUBBORN, SLOW_STOP], ids=["ignores the signal", "slow ExecStop"])
async def test_destroyed_while_it_stops_it_goes_and_can_come_back(host: LocalHost, file: UnitFile) -> None:
    async with world(host) as w:
        await w.schedule(UNIT, file)
        await w.reported(UNIT, is_("active"))
        process = Path("/proc") / await show(UNIT, "MainPID")
        await w.schedule(UNIT, file, "loaded")
        await w.reported(UNIT, is_("deactivating"))
        await w.unschedule(UNIT)
        await w.reported(UNIT, is_gone)
        assert not process.exists(), "no process without its unit file"
        await w.schedule(UNIT, SLEEPS)
        await w.reported(UNIT, is_("active"))


async def test_a_missing_program_is_shown_and_mended_by_other_content(host: LocalHost) -> None:
    async with world(host) as w:
        await w.schedule(UNIT, NO_PROGRAM)
        await w.reported(UNIT, is_("failed"))
        await w.schedule(UNIT, SLEEPS)
        await w.reported(UNIT, is_("active"))


async def test_a_name_the_host_has_is_shown_with_its_path_and_works_once_it_is_free(
    bench: SystemdBench, host: LocalHost
) -> None:
    path = await bench.add_stranger(UNIT)
    async with world(host) as w:
        await w.schedule(UNIT, SLEEPS)
        report = await w.reported(UNIT, is_("failed"))
        assert report is not None
        assert report.load == "error"
        assert path in report.reason
        await asyncio.to_thread(Path(path).unlink)
        await command("systemctl", "daemon-reload")
        await w.reported(UNIT, is_("active"))


async def test_a_masked_name_is_refused_and_works_once_it_is_unmasked(
    bench: SystemdBench, host: LocalHost
) -> None:
    await command("systemctl", "mask", UNIT)
    try:
        async with world(host) as w:
            await w.schedule(UNIT, SLEEPS)
            report = await w.reported(UNIT, is_("failed"))
            assert report is not None
            assert "masked" in report.reason
            await command("systemctl", "unmask", UNIT)
            await w.reported(UNIT, is_("active"))
    finally:
        await command("systemctl", "unmask", UNIT, check=False)


async def test_a_dependency_that_fails_is_named_as_the_reason(bench: SystemdBench, host: LocalHost) -> None:
    needs = UnitFile.from_text(
        f"[Unit]\nRequires={OTHER}\nAfter={OTHER}\n[Service]\nExecStart=/bin/sleep 1000\n"
    )
    fails = UnitFile.from_text("[Service]\nType=oneshot\nExecStart=/bin/false\n")
    async with world(host) as w:
        await w.schedule(OTHER, fails)
        await w.reported(OTHER, is_("failed"))
        await w.schedule(UNIT, needs)
        report = await w.reported(UNIT, is_("failed"))
        assert report is not None
        assert (report.load, report.sub) == ("loaded", "dead")
        assert "'dependency'" in report.reason


async def test_two_hundred_units_come_up_and_go(host: LocalHost) -> None:
    names = [f"fleet-test-{i}.service" for i in range(200)]
    entries = [ScheduleEntry(ME, name, SLEEPS.hash, TargetState.LAUNCHED) for name in names]
    async with world(host) as w:
        await w.submit(UNIT, SLEEPS, "inactive")  # so that the content is there
        with timed("200 units up"):
            await w.lead.commit([Place(entry) for entry in entries])
            await w.until(lambda p: sum(map(is_here, p.reports.values())) == 200, timeout=30)
        with timed("200 units gone"):
            await w.lead.commit([Displace(ME, name) for name in names])
            await w.until(lambda p: not p.reports, timeout=30)


def is_here(reports: Mapping[str, Report]) -> bool:
    return is_("active")(reports.get(ME))


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Measures, and asserts nothing: the figures are printed with `-rP`."""
    began = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - began:.2f} s")


async def test_a_reload_by_hand_changes_nothing(bench: SystemdBench) -> None:
    await launch(bench, SLEEPS)
    await becomes(bench, lambda s: s.active == "active")
    before = await show(UNIT, "MainPID")
    await command("systemctl", "daemon-reload")
    await becomes(bench, lambda s: s.active == "active")
    assert await show(UNIT, "MainPID") == before
    await bench.host.unload(UNIT)
    assert await show(UNIT, "LoadState") == "not-found"


async def test_a_unit_stopped_by_hand_is_shown_so_and_left_so(host: LocalHost) -> None:
    async with world(host, every=0.1) as w:
        await w.schedule(UNIT, SLEEPS)
        await w.reported(UNIT, is_("active"))
        await command("systemctl", "stop", UNIT)
        await w.reported(UNIT, is_("inactive"))
        await asyncio.sleep(0.5)  # several looks
        assert await show(UNIT, "ActiveState") == "inactive"
        await command("systemctl", "start", UNIT)
        await w.reported(UNIT, is_("active"))


async def test_a_start_finds_its_partner_that_comes_later(host: LocalHost) -> None:
    needs = UnitFile.from_text(
        f"[Unit]\nBindsTo={OTHER}\nAfter={OTHER}\n[Service]\nExecStart=/bin/sleep 1000\n"
    )
    async with world(host) as w:
        await w.schedule(UNIT, needs)
        await w.reported(UNIT, lambda r: r is not None and r.reason)
        await w.schedule(OTHER, SLEEPS)
        await w.reported(UNIT, lambda r: is_("active")(r) and r and not r.reason)


async def test_what_systemd_does_not_answer_is_known_by_name(bench: SystemdBench) -> None:
    pid = int(await show("dbus.service", "MainPID"))
    os.kill(pid, signal.SIGSTOP)
    asking = asyncio.create_task(bench.host.states([UNIT]))
    try:
        async with asyncio.timeout(5):
            while bench.host.unanswered() is None:  # noqa: ASYNC110 - what is overdue is no event
                await asyncio.sleep(0.05)
        assert bench.host.unanswered() == "ListUnitsByNames"
    finally:
        os.kill(pid, signal.SIGCONT)
    await asking
    assert bench.host.unanswered() is None
