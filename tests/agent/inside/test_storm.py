"""Two hundred units that arrive together: so many start at once as were asked for, the oldest first."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from agent.local import LocalHost
from registry.port import Place
from registry.records import ScheduleEntry
from tests.agent.inside.conftest import SystemdBench, command
from tests.agent.world import ME, World, is_, world
from units.file import UnitFile
from units.state import TargetState

pytestmark = [pytest.mark.lab, pytest.mark.parametrize("bench", ["dbus_fast"], indirect=True)]

MARKS = Path("/run/fleet-test-marks")
STARTS_SLOWLY = UnitFile.from_text(
    "[Service]\nType=oneshot\nRemainAfterExit=yes\n"
    f"ExecStart=/bin/sh -c 'echo begin %p >> {MARKS}; sleep 0.1; echo end %p >> {MARKS}'\n"
)


@pytest.fixture
def host(bench: SystemdBench) -> LocalHost:
    MARKS.unlink(missing_ok=True)
    return bench.new_host()


async def test_two_hundred_units_start_a_few_at_a_time_the_oldest_first(host: LocalHost) -> None:
    names = [f"fleet-test-{(37 * i) % 200}" for i in range(200)]
    async with world(host, starts=10) as w:
        await arrive_together(w, names)
        began, most = marks()
    assert most <= 10
    assert set(began) == set(names)
    places = [abs(began.index(name) - i) for i, name in enumerate(names)]
    assert max(places) < 50, "only those that start at the same time may overtake each other"


async def test_the_number_can_be_changed_while_they_start(host: LocalHost) -> None:
    names = [f"fleet-test-{i}" for i in range(200)]
    async with world(host, starts=1) as w:
        arriving = asyncio.create_task(arrive_together(w, names))
        await w.reported(f"{names[2]}.service", is_("active"))
        _, most = marks()
        assert most == 1
        w.agent.set_start_concurrency(20)
        await arriving
        _, most = marks()
    assert 1 < most <= 20


async def test_a_group_has_all_its_files_and_one_reload_before_the_first_of_it_starts(
    host: LocalHost,
) -> None:
    """Each looks for the file of the next, and systemd keeps the order that they ask for."""
    names = [f"fleet-test-{i}" for i in range(20)]
    before = await reloads()
    async with world(host, starts=1) as w:
        files = {name: member(follower) for name, follower in zip(names, [*names[1:], ""], strict=True)}
        for name, file in files.items():
            await w.submit(f"{name}.service", file, "inactive")
        entries = [ScheduleEntry(ME, f"{n}.service", f.hash, TargetState.LAUNCHED) for n, f in files.items()]
        await w.lead.commit([Place(entry) for entry in entries])
        await w.until(lambda p: all(is_("active")(p.reports.get(f"{n}.service", {}).get(ME)) for n in names))
        began, _ = marks()
    assert began == names[::-1]
    assert await reloads() - before == 1


def member(follower: str) -> UnitFile:
    """Comes after its follower, whose file has to be there; wanted by a target, so systemd has to reload."""
    after = f"[Unit]\nAfter={follower}.service\nRequires={follower}.service\n" if follower else ""
    there = f"ExecStartPre=/usr/bin/test -e /run/systemd/system/{follower}.service\n" if follower else ""
    return UnitFile.from_text(
        f"{after}[Service]\nType=oneshot\nRemainAfterExit=yes\n{there}"
        f"ExecStart=/bin/sh -c 'echo begin %p >> {MARKS}; echo end %p >> {MARKS}'\n"
        "[Install]\nWantedBy=fleet-test-wants.target\n"
    )


async def arrive_together(w: World, names: Sequence[str]) -> None:
    """Schedule all within moments, in this order, and wait until they have started."""
    await w.submit("fleet-test.service", STARTS_SLOWLY, "inactive")  # so that the content is there
    for name in names:  # each a wish of its own, and so older than the next
        entry = ScheduleEntry(ME, f"{name}.service", STARTS_SLOWLY.hash, TargetState.LAUNCHED)
        await w.lead.commit([Place(entry)])
    await w.until(
        lambda p: all(is_("active")(p.reports.get(f"{name}.service", {}).get(ME)) for name in names),
        timeout=60,
    )


async def reloads() -> int:
    """How often systemd has read its files again since the boot, by its own journal."""
    said = await command("journalctl", "-b", "-q", "-o", "cat", "_PID=1", "--grep", "^Reloading", check=False)
    return len(said.splitlines())


def marks() -> tuple[list[str], int]:
    """In which order they began, and how many were at it at the same time at most."""
    began: list[str] = []
    inside = most = 0
    for line in MARKS.read_text().splitlines():
        word, name = line.split()
        if word == "begin":
            began.append(name)
        inside += 1 if word == "begin" else -1
        most = max(most, inside)
    return began, most
