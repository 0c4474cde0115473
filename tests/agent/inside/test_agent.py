"""The whole agent on a real systemd, with the registry in memory."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from agent.local import LocalHost
from registry.memory import MemoryStore
from registry.port import Ask
from registry.records import Offer
from tests.agent.host_contract import DONE_AT_ONCE, SLEEPS, SLEEPS_LONGER, UNIT
from tests.agent.inside.conftest import SystemdBench, show
from tests.agent.world import ME, is_, is_gone, world
from units.file import UnitFile

pytestmark = pytest.mark.lab

OTHER = "fleet-test-2.service"


@pytest.fixture
async def host(bench: SystemdBench) -> LocalHost:
    """A host that nobody is in touch with yet; the bench cleans up with one of its own."""
    return bench.new_host()


async def test_a_unit_comes_and_goes(host: LocalHost) -> None:
    async with world(host) as w:
        await w.schedule(UNIT, SLEEPS)
        report = await w.reported(UNIT, is_("active"))
        assert report is not None
        assert abs(report.since - time.time()) < 5
        process = Path("/proc") / await show(UNIT, "MainPID")
        await w.unschedule(UNIT)
        await w.reported(UNIT, is_gone)
        assert not process.exists()


async def test_a_restarted_agent_touches_nothing(bench: SystemdBench, host: LocalHost) -> None:
    store = MemoryStore()
    async with world(host, store) as w:
        await w.schedule(UNIT, SLEEPS)
        await w.schedule(OTHER, DONE_AT_ONCE)
        await w.reported(UNIT, is_("active"))
        await w.reported(OTHER, lambda r: r and r.launched and r.active == "inactive")
        before = await show(UNIT, "MainPID")
    async with world(bench.new_host(), store) as w:
        await w.reported(UNIT, is_("active"))
        await w.reported(OTHER, is_("inactive"))
        await asyncio.sleep(0.5)  # long enough for a start that must not happen
        assert await show(UNIT, "MainPID") == before
        assert bench.starts(OTHER) == 1


async def test_new_content_takes_effect(host: LocalHost) -> None:
    async with world(host) as w:
        await w.schedule(UNIT, SLEEPS)
        await w.reported(UNIT, is_("active"))
        await w.schedule(UNIT, SLEEPS_LONGER)
        await w.reported(UNIT, lambda r: is_("active")(r) and r and r.hash == SLEEPS_LONGER.hash)
        assert "sleep 2000" in await show(UNIT, "ExecStart")


async def test_units_that_need_each_other_find_each_other(host: LocalHost) -> None:
    needs = UnitFile.from_text(
        f"[Unit]\nRequires={OTHER}\nAfter={OTHER}\n\n[Service]\nExecStart=/bin/sleep 1000\n"
    )
    store = MemoryStore()
    async with world(host, store) as w:
        store.go_away()  # so that the agent sees both in one moment
        later = asyncio.gather(w.schedule(UNIT, needs), w.schedule(OTHER, SLEEPS))
        store.come_back()
        await later
        await w.reported(UNIT, is_("active"))
        await w.reported(OTHER, is_("active"))


async def test_a_process_that_dies_is_reported(host: LocalHost) -> None:
    async with world(host) as w:
        await w.schedule(UNIT, SLEEPS)
        await w.reported(UNIT, is_("active"))
        os.kill(int(await show(UNIT, "MainPID")), signal.SIGKILL)
        report = await w.reported(UNIT, is_("failed"))
        assert report is not None
        assert (report.sub, report.launched) == ("failed", True)


async def test_an_offer_of_a_name_the_host_has_is_refused(bench: SystemdBench, host: LocalHost) -> None:
    path = await bench.add_stranger(UNIT)
    async with world(host) as w:
        await w.lead.commit(
            [Ask(Offer(ME, UNIT, "o1", SLEEPS.hash)), Ask(Offer(ME, OTHER, "o2", SLEEPS.hash))]
        )
        picture = await w.until(lambda p: len(p.bids) == 2)
    assert path in str(picture.bids[UNIT][ME].refusal)
    assert picture.bids[OTHER][ME].refusal is None


async def test_handing_over_leaves_nothing_running(host: LocalHost) -> None:
    names = [f"fleet-test-{i}.service" for i in range(20)]
    async with world(host) as w:
        for name in names:
            await w.schedule(name, SLEEPS)
        for name in names:
            await w.reported(name, is_("active"))
        await w.agent.hand_over()
        await w.until(lambda p: not p.reports)
        assert await host.present() == {}


def made_at(stamp: Path) -> float:
    when = stamp.stat().st_mtime
    stamp.unlink()
    return when


async def test_from_the_schedule_to_the_process_and_back(host: LocalHost) -> None:
    """Measures, and asserts only that it works: the figures are printed with `-rP`."""
    taken = []
    async with world(host) as w:
        for i in range(10):
            stamp = Path(f"/run/fleet-test-stamp-{i}")
            text = f"[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/touch {stamp}\n"
            began = time.time()
            await w.schedule(f"fleet-test-{i}.service", UnitFile.from_text(text))
            await w.reported(f"fleet-test-{i}.service", is_("active"))
            taken.append(made_at(stamp) - began)
    print(f"schedule to process, ms: {', '.join(f'{t * 1e3:.0f}' for t in sorted(taken))}")
