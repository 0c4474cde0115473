"""What systemd has loaded is what fleet wrote, or it is not started: on a real systemd."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.errors import NotAsWritten
from agent.host import Stage
from agent.local import LocalHost
from tests.agent.host_contract import SLEEPS, UNIT, becomes, status
from tests.agent.inside.conftest import SystemdBench, command, show
from tests.agent.world import is_, is_gone, world
from units.file import UnitFile

pytestmark = [pytest.mark.lab, pytest.mark.parametrize("bench", ["dbus_fast"], indirect=True)]


@pytest.fixture
async def hidden(bench: SystemdBench) -> str:
    """fleet's unit is loaded, and then one of the host's own hides it; returns the path of that."""
    await bench.host.load(UNIT, SLEEPS)
    path = await bench.add_stranger(UNIT)
    await command("systemctl", "daemon-reload")
    return path


async def test_what_hides_fleets_file_is_not_started_in_its_place(bench: SystemdBench, hidden: str) -> None:
    with pytest.raises(NotAsWritten, match=f"it comes from {hidden}, which hides {bench.directory}/units/"):
        await bench.host.start(UNIT)
    assert (await status(bench)).active == "inactive"
    await asyncio.to_thread(Path(hidden).unlink)
    await command("systemctl", "daemon-reload")
    await bench.host.start(UNIT)
    await becomes(bench, lambda s: s.active == "active")
    assert "sleep 1000" in await show(UNIT, "ExecStart")


async def test_what_hides_fleets_file_and_runs_outlives_fleets_unit(bench: SystemdBench, hidden: str) -> None:
    await command("systemctl", "start", UNIT)
    await bench.host.unload(UNIT)
    assert await bench.host.present() == {}
    assert (await status(bench)).active == "active"
    await command("systemctl", "stop", UNIT)


async def test_what_was_started_before_it_was_hidden_is_fleets_to_stop(bench: SystemdBench) -> None:
    await bench.host.load(UNIT, SLEEPS)
    await bench.host.start(UNIT)
    await becomes(bench, lambda s: s.active == "active")
    await bench.add_stranger(UNIT)
    await command("systemctl", "daemon-reload")
    await bench.host.unload(UNIT)
    assert (await status(bench)).active == "inactive"


async def test_what_is_masked_after_it_was_loaded_says_so_with_the_way_out(bench: SystemdBench) -> None:
    await bench.host.load(UNIT, SLEEPS)
    await command("systemctl", "mask", UNIT)
    try:
        with pytest.raises(NotAsWritten, match=rf"it is masked by .* \(systemctl unmask {UNIT}\)"):
            await bench.host.start(UNIT)
    finally:
        await command("systemctl", "unmask", UNIT)
    await bench.host.start(UNIT)
    await becomes(bench, lambda s: s.active == "active")


@pytest.fixture
def drop_ins() -> Iterator[Path]:
    """A directory of the host's for drop-ins of the unit; systemd has to know it to see what comes there."""
    directory = Path(f"/etc/systemd/system/{UNIT}.d")
    directory.mkdir()
    yield directory
    shutil.rmtree(directory)


async def test_drop_ins_of_the_host_are_no_reason_not_to_start_and_are_in_effect(
    bench: SystemdBench, drop_ins: Path
) -> None:
    wanting = UnitFile.from_text(f"[Unit]\nWants={UNIT}\n\n[Service]\nExecStart=/bin/sleep 1000\n")
    await command("systemctl", "daemon-reload")
    await bench.host.load(UNIT, SLEEPS)
    await bench.host.load("fleet-test-2.service", wanting)
    await bench.host.start("fleet-test-2.service")  # keeps the other one loaded
    await becomes(bench, lambda s: s.active == "active")
    await bench.host.stop(UNIT)
    (drop_ins / "host.conf").write_text("[Unit]\nDescription=of the host\n")
    assert await show(UNIT, "NeedDaemonReload") == "yes"
    await bench.host.start(UNIT)
    await becomes(bench, lambda s: s.active == "active")
    assert await show(UNIT, "Description") == "of the host"


async def test_a_running_unit_that_is_hidden_keeps_its_file(bench: SystemdBench) -> None:
    await bench.host.load(UNIT, SLEEPS)
    await bench.host.start(UNIT)
    await becomes(bench, lambda s: s.active == "active")
    await bench.add_stranger(UNIT)
    await command("systemctl", "daemon-reload")
    for memory in (bench.directory / "memory").iterdir():
        memory.unlink()
    await bench.restart_agent()
    with pytest.raises(Exception, match="/etc/systemd/system"):
        await bench.host.load(UNIT, SLEEPS)
    assert (bench.directory / "units" / UNIT).exists()
    assert (await status(bench)).active == "active"


async def test_of_a_hidden_unit_the_state_of_the_other_is_not_shown_as_its_own(bench: SystemdBench) -> None:
    host: LocalHost = bench.new_host()
    async with world(host) as w:
        await w.schedule(UNIT, SLEEPS, "loaded")
        await w.reported(UNIT, is_("inactive"))
        path = await bench.add_stranger(UNIT)
        await command("systemctl", "daemon-reload")
        await command("systemctl", "start", UNIT)
        await w.schedule(UNIT, SLEEPS)
        report = await w.reported(UNIT, lambda r: r and r.reason)
        assert report is not None
        assert (report.load, report.active) == ("error", "failed")
        assert path in report.reason
        assert host.remembered()[UNIT].stage is Stage.LOADED
        await w.unschedule(UNIT)
        await w.reported(UNIT, is_gone)
        assert await show(UNIT, "ActiveState") == "active"
        await command("systemctl", "stop", UNIT)
