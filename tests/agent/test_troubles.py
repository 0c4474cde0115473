"""What this host cannot do of what it was told reaches the cluster, with its reason, until it is over."""

import asyncio
from pathlib import Path

import pytest

from agent.errors import NameTaken, NoAnswer, Refused, Unwritable
from agent.host import Remembered, Stage, UnitStatus
from agent.report import reports
from agent.tasks import Tasks
from agent.troubles import Trouble, Troubles
from registry.records import Report
from tests.agent.host_contract import SLEEPS
from tests.agent.scripted import Machine, ScriptedHost
from tests.agent.world import A, B, is_, is_gone, world

HASH, ME = "1" * 40, "m1"
IDLE, RUNS = UnitStatus("loaded", "inactive", "dead"), UnitStatus("loaded", "active", "running")


def said(stage: Stage | None, status: UnitStatus, trouble: Trouble) -> Report | None:
    memory = {A: Remembered(HASH, stage)} if stage else {}
    return reports(ME, [A], {A: status}, memory, {}, 1.0, {A: trouble}).get(A)


SAYS = {
    "what could not be loaded has failed, whatever systemd has of that name": (
        (None, RUNS, Trouble(HASH, "taken", 1, launched=True, loading=True)),
        ("error", "failed", "taken", 1, True),
    ),
    "loading that may still work out is not spoken of": (
        (None, IDLE, Trouble(HASH, "no answer", 1, loading=True, certain=False)),
        None,
    ),
    "what systemd refused to start has failed": (
        (Stage.LOADED, IDLE, Trouble(HASH, "masked", 2, launched=True)),
        ("loaded", "failed", "masked", 2, False),
    ),
    "what may still start is as systemd says": (
        (Stage.LOADED, IDLE, Trouble(HASH, "no answer", 1, launched=True, certain=False)),
        ("loaded", "inactive", "no answer", 1, False),
    ),
    "what is only slow is as systemd says": (
        (Stage.LOADED, IDLE, Trouble(HASH, "blocked", launched=True)),
        ("loaded", "inactive", "blocked", 0, False),
    ),
    "what runs has not failed": (
        (Stage.LAUNCHED, RUNS, Trouble(HASH, "job", 1, launched=True)),
        ("loaded", "active", "job", 1, True),
    ),
}


@pytest.mark.parametrize(("given", "expected"), SAYS.values(), ids=SAYS.keys())
def test_what_is_said_of_a_unit_in_trouble(
    given: tuple[Stage | None, UnitStatus, Trouble], expected: tuple[str, str, str, int, bool] | None
) -> None:
    report = said(*given)
    assert (
        report and (report.load, report.active, report.reason, report.failures, report.launched)
    ) == expected


LASTING = {
    "its name is taken": NameTaken(A, "/etc/a"),
    "the disk is full": Unwritable("write", Path("/x"), "No space left on device"),
    "systemd refuses its file": Refused(f"link {A}", "Invalid", "no"),
}


@pytest.mark.parametrize("error", LASTING.values(), ids=LASTING.keys())
async def test_what_cannot_be_loaded_is_shown_as_failed_at_once_and_no_more_when_it_works(
    machine: Machine, error: Exception
) -> None:
    machine.faults[f"load {A}"] = [error, error]  # type: ignore[list-item]
    async with world(ScriptedHost(machine)) as w:
        await w.schedule(A, SLEEPS)
        report = await w.reported(A, is_("failed"))
        assert report is not None
        assert (report.load, report.reason, report.hash) == ("error", str(error), SLEEPS.hash)
        assert report.launched
        await w.reported(A, lambda r: r is not None and r.failures == 2)
        report = await w.reported(A, is_("active"))
        assert report is not None
        assert (report.load, report.reason, report.failures) == ("loaded", "", 0)


async def test_what_cannot_be_loaded_is_not_spoken_of_any_more_once_it_is_not_wanted(
    machine: Machine,
) -> None:
    machine.faults[f"load {A}"] = [NameTaken(A, "/etc/a")] * 9
    async with world(ScriptedHost(machine)) as w:
        await w.schedule(A, SLEEPS)
        await w.reported(A, is_("failed"))
        await w.unschedule(A)
        await w.reported(A, is_gone)


async def test_a_failure_that_passes_in_a_moment_is_not_shown_as_one(machine: Machine) -> None:
    machine.faults[f"load {A}"] = [NoAnswer("no")]
    async with world(ScriptedHost(machine)) as w:
        await w.schedule(A, SLEEPS)
        first = await w.reported(A, lambda r: r is not None)
    assert first is not None
    assert (first.load, first.active != "failed") == ("loaded", True)


async def test_a_start_that_systemd_refuses_is_shown_as_failed_with_its_reason(machine: Machine) -> None:
    machine.faults[f"start {A}"] = [Refused(f"start {A}", "UnitMasked", "Unit a.service is masked.")] * 9
    async with world(ScriptedHost(machine)) as w:
        await w.schedule(A, SLEEPS)
        report = await w.reported(A, is_("failed"))
    assert report is not None
    assert (report.load, report.launched) == ("loaded", True)
    assert report.reason == f"systemd refused to start {A}: Unit a.service is masked."


async def test_a_job_of_systemds_that_fails_is_shown_until_the_unit_is_active(machine: Machine) -> None:
    job = machine.jobs[A] = asyncio.get_running_loop().create_future()
    this = ScriptedHost(machine)
    async with world(this) as w:
        await w.schedule(A, SLEEPS)
        await w.reported(A, is_("active"))
        this.becomes(A, "inactive")
        job.set_result("systemd's job to start it ended with the result 'dependency'")
        report = await w.reported(A, is_("failed"))
        assert report is not None
        assert "dependency" in report.reason
        this.becomes(A, "active")
        report = await w.reported(A, is_("active"))
        assert report is not None
        assert report.reason == ""


async def test_what_takes_long_is_said_once_and_shown_while_it_lasts_and_others_go_on(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine.gates[f"start {A}"] = asyncio.Event()
    machine.unanswered = "StartUnit"
    host = ScriptedHost(machine)
    async with world(host) as w:
        w.agent._tasks = Tasks(
            host,
            w.agent._registry.unit_file,
            w.agent._look.set,
            troubles=w.agent._troubles,
            blocked_after=0.05,
        )
        await w.schedule(A, SLEEPS)
        await w.schedule(B, SLEEPS)
        report = await w.reported(A, lambda r: r is not None and r.reason)
        assert report is not None
        assert (report.reason, report.active) == ("blocked for 0.05 s in StartUnit", "inactive")
        await w.reported(B, is_("active"))
        machine.gates[f"start {A}"].set()
        report = await w.reported(A, lambda r: r is not None and r.active == "active" and not r.reason)
    assert [r.levelname for r in caplog.records if "blocked for" in r.message].count("WARNING") == 1


async def test_what_troubles_a_unit_is_said_although_systemd_says_nothing_of_its_state(
    machine: Machine,
) -> None:
    silence = NoAnswer("systemd did not answer within 25 s when asked to stop a.service")
    async with world(ScriptedHost(machine)) as w:
        await w.schedule(A, SLEEPS)
        await w.reported(A, is_("active"))
        machine.faults |= {f"stop {A}": [silence] * 9, "states": [silence]}
        await w.schedule(A, SLEEPS, "loaded")
        report = await w.reported(A, lambda r: r is not None and r.reason)
        assert report is not None
        assert (report.active, report.reason) == ("active", str(silence))


async def test_a_unit_that_could_not_be_loaded_is_told_although_systemd_says_nothing_at_all(
    machine: Machine,
) -> None:
    silence = NoAnswer("systemd did not answer within 25 s when asked to list units")
    machine.faults |= {f"load {A}": [silence] * 9, "states": [silence]}
    async with world(ScriptedHost(machine)) as w:
        await w.schedule(A, SLEEPS)
        report = await w.reported(A, lambda r: r is not None and r.failures >= 3)
    assert report is not None
    assert (report.load, report.active, report.reason) == ("error", "failed", str(silence))


async def test_a_trouble_is_told_while_systemd_is_still_asked_for_the_state(machine: Machine) -> None:
    host = ScriptedHost(machine)
    async with world(host) as w:
        await w.schedule(A, SLEEPS)
        await w.reported(A, is_("active"))
        machine.gates["states"] = asyncio.Event()
        w.agent._troubles.put(A, Trouble(SLEEPS.hash, "blocked for 10 s in StopUnit", certain=False))
        report = await w.reported(A, lambda r: r is not None and r.reason)
        assert report is not None
        assert (report.active, report.reason) == ("active", "blocked for 10 s in StopUnit")
        machine.gates["states"].set()


async def test_of_what_nothing_is_left_to_be_done_no_trouble_is_kept() -> None:
    troubles = Troubles()
    troubles.put(A, Trouble(HASH, "x"))
    troubles.put(B, Trouble(HASH, "x", of_job=True))
    assert await troubles.changed() == {A, B}
    troubles.keep(busy=[], wanted=[A, B])
    assert troubles.all().keys() == {B}
    troubles.keep(busy=[], wanted=[])
    assert troubles.all() == {}
