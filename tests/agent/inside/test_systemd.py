"""What only a real systemd can show."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from agent.errors import HostError, Unwritable
from agent.host import Stage
from tests.agent.host_contract import FAILS, SLEEPS, SLEEPS_LONGER, UNIT, becomes, launch, status
from tests.agent.inside.conftest import SystemdBench, command, show
from units.file import UnitFile

pytestmark = pytest.mark.lab

STUBBORN = UnitFile.from_text("[Service]\nTimeoutStopSec=2\nKillSignal=SIGCONT\nExecStart=/bin/sleep 1000\n")
WANTED = UnitFile.from_text(
    "[Service]\nExecStart=/bin/sleep 1000\n\n[Install]\nWantedBy=fleet-test-wants.target\n"
)


async def test_a_restarted_agent_leaves_the_process_alone(bench: SystemdBench) -> None:
    await launch(bench, SLEEPS)
    await becomes(bench, lambda s: s.active == "active")
    before = await show(UNIT, "MainPID")
    await bench.restart_agent()
    await bench.host.load(UNIT, SLEEPS)
    await bench.host.start(UNIT)
    assert await show(UNIT, "MainPID") == before != "0"
    assert await show(UNIT, "NeedDaemonReload") == "no"


async def test_a_loaded_unit_is_linked_until_the_next_boot(bench: SystemdBench) -> None:
    await bench.host.load(UNIT, SLEEPS)
    assert await show(UNIT, "UnitFileState") == "linked-runtime"


async def test_unloading_waits_until_the_process_has_ended(bench: SystemdBench) -> None:
    await launch(bench, STUBBORN)
    await becomes(bench, lambda s: s.active == "active")
    process = Path("/proc") / await show(UNIT, "MainPID")
    await bench.host.unload(UNIT)
    assert not process.exists()


async def test_a_slow_stop_holds_up_no_other_unit(bench: SystemdBench) -> None:
    await launch(bench, STUBBORN)
    await becomes(bench, lambda s: s.active == "active")
    leaving = asyncio.create_task(bench.host.unload(UNIT))
    await bench.host.load("fleet-test-2.service", SLEEPS)
    await bench.host.start("fleet-test-2.service")
    assert not leaving.done()
    assert bench.host.remembered()[UNIT].stage is Stage.LEAVING
    await leaving


async def test_a_unit_with_an_install_section_follows_what_wants_it(bench: SystemdBench) -> None:
    target = "fleet-test-wants.target"
    await bench.host.load(target, UnitFile.from_text("[Unit]\nDescription=wants\n"))
    await bench.host.load(UNIT, WANTED)
    assert await show(UNIT, "UnitFileState") == "enabled-runtime"
    await bench.host.start(target)
    await becomes(bench, lambda s: s.active == "active")
    await bench.host.unload(UNIT)
    assert (await status(bench)).load == "not-found"


async def test_new_content_counts_although_a_running_unit_keeps_the_old_loaded(bench: SystemdBench) -> None:
    wanting = UnitFile.from_text(f"[Unit]\nWants={UNIT}\n\n[Service]\nExecStart=/bin/sleep 1000\n")
    await launch(bench, SLEEPS)
    await bench.host.load("fleet-test-2.service", wanting)
    await bench.host.start("fleet-test-2.service")
    await bench.host.unload(UNIT)
    await launch(bench, SLEEPS_LONGER)
    await becomes(bench, lambda s: s.active == "active")
    assert "sleep 2000" in await show(UNIT, "ExecStart")


async def test_a_file_that_changes_before_it_is_unloaded_is_no_trouble(bench: SystemdBench) -> None:
    await launch(bench, FAILS)
    await becomes(bench, lambda s: s.active == "failed")
    await bench.host.unload(UNIT)
    await launch(bench, SLEEPS)
    await becomes(bench, lambda s: s.active == "active")


async def test_fifty_units_come_up_and_go(bench: SystemdBench) -> None:
    names = [f"fleet-test-{i}.service" for i in range(50)]
    await asyncio.gather(*(bench.host.load(name, SLEEPS) for name in names))
    await asyncio.gather(*(bench.host.start(name) for name in names))
    await asyncio.gather(*(becomes(bench, lambda s: s.active == "active", name) for name in names))
    await asyncio.gather(*(bench.host.unload(name) for name in names))
    assert await bench.host.present() == {}


async def test_on_a_full_disk_nothing_is_half_done_and_it_works_when_there_is_room(
    bench: SystemdBench,
) -> None:
    units = bench.directory / "units"
    units.mkdir(parents=True, exist_ok=True)
    await command("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(units))
    filler = units / "filler.txt"
    try:
        filler.write_bytes(b"x" * 64 * 1024)
        assert (await bench.host.facts([])).disk_free == 0
        with pytest.raises(Unwritable, match=rf"{UNIT}: No space left on device \(0 bytes free in {units}"):
            await bench.host.load(UNIT, SLEEPS)
        assert await bench.host.present() == {}
        assert [path.name for path in units.iterdir()] == ["filler.txt"]
        assert (await status(bench)).load == "not-found"
        filler.unlink()
        await launch(bench, SLEEPS)
        await becomes(bench, lambda s: s.active == "active")
        await bench.host.unload(UNIT)
    finally:
        await command("umount", str(units))


async def test_a_file_that_systemd_will_not_link_fails_alone_and_leaves_nothing(bench: SystemdBench) -> None:
    impossible = "fleet-test-2.snapshot"  # a type that systemd no longer has
    ended = await asyncio.gather(
        bench.host.load(impossible, SLEEPS), bench.host.load(UNIT, SLEEPS), return_exceptions=True
    )
    assert isinstance(ended[0], HostError)
    assert ended[1] is None
    assert set(await bench.host.present() or ()) == {UNIT}
    assert not (bench.directory / "units" / impossible).exists()


async def test_units_outlive_a_restart_of_d_bus_and_go_on_being_watched(bench: SystemdBench) -> None:
    await launch(bench, SLEEPS)
    await becomes(bench, lambda s: s.active == "active")
    before = await show(UNIT, "MainPID")
    await nothing_changes(bench)
    await command("systemctl", "kill", "--signal=KILL", "dbus.service")
    async with asyncio.timeout(10):
        await bench.host.changed()  # everything may have, when the connection is new
    await answers(bench)
    await becomes(bench, lambda s: s.active == "active")
    assert await show(UNIT, "MainPID") == before
    os.kill(int(before), signal.SIGKILL)
    await becomes(bench, lambda s: s.active == "failed")


async def answers(bench: SystemdBench) -> None:
    """Wait until systemd is on the bus to stay: the bus is there before it is."""
    async with asyncio.timeout(10):
        while True:
            await bench.host.reachable()
            with suppress(HostError):
                await status(bench)
                return


async def nothing_changes(bench: SystemdBench) -> None:
    """Wait until nothing has been announced for half a second."""
    with suppress(TimeoutError):
        while True:
            async with asyncio.timeout(0.5):
                await bench.host.changed()


async def test_an_offer_is_answered_soon_although_d_bus_hangs(bench: SystemdBench) -> None:
    pid = int(await show("dbus.service", "MainPID"))
    os.kill(pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(10):
            facts = await bench.host.facts([UNIT])
        assert facts.silent == "systemd does not answer within 0.5 s"
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_a_state_says_since_when(bench: SystemdBench) -> None:
    await launch(bench, SLEEPS)
    await becomes(bench, lambda s: s.active == "active")
    said = await command("date", "-d", await show(UNIT, "ActiveEnterTimestamp"), "+%s")
    since = (await bench.host.states([UNIT]))[UNIT].since
    await bench.restart_agent()
    later = (await bench.host.states([UNIT]))[UNIT].since
    assert since is not None
    assert int(since) == int(said)
    assert later == since, "a restarted agent asks"


async def test_units_are_watched_on_when_systemd_executes_itself_anew(bench: SystemdBench) -> None:
    await launch(bench, SLEEPS)
    await becomes(bench, lambda s: s.active == "active")
    before = int(await show(UNIT, "MainPID"))
    await command("systemctl", "daemon-reexec")
    await becomes(bench, lambda s: s.active == "active")
    await nothing_changes(bench)
    os.kill(before, signal.SIGKILL)
    await becomes(bench, lambda s: s.active == "failed")


async def test_a_name_that_is_none_to_systemd_troubles_no_other(bench: SystemdBench) -> None:
    template = "fleet-test@.service"
    await bench.host.load(template, SLEEPS)
    await launch(bench, SLEEPS)
    await becomes(bench, lambda s: s.active == "active")
    assert set(await bench.host.states([template, UNIT])) == {UNIT}
    await bench.host.unload(template)
    assert set(await bench.host.present() or ()) == {UNIT}


async def test_an_instance_runs_although_its_template_is_there_too(bench: SystemdBench) -> None:
    instance = "fleet-test@1.service"
    await bench.host.load("fleet-test@.service", SLEEPS)
    await bench.host.load(instance, SLEEPS_LONGER)
    await bench.host.start(instance)
    await becomes(bench, lambda s: s.active == "active", instance)
    assert "sleep 2000" in await show(instance, "ExecStart")
