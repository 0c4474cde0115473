"""The small parts: object paths, jobs, batches, pauses, changes, whose a unit is."""

import asyncio
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.backoff import LONGEST, Failure, after, pause
from agent.batch import Batches
from agent.changes import Changes
from agent.errors import NoBus
from agent.host import UnitStatus
from agent.jobs import Jobs
from agent.labels import unit_name, unit_path
from agent.strangers import stranger

NAMES = st.from_regex(r"[0-9a-zA-Z:\-_.\\@]{1,40}\.service", fullmatch=True)


def test_a_units_object_path_is_that_of_systemd() -> None:
    assert unit_path("9foo@bar-1.service") == "/org/freedesktop/systemd1/unit/_39foo_40bar_2d1_2eservice"


def test_another_object_is_no_unit() -> None:
    assert unit_name("/org/freedesktop/systemd1/job/1") is None


@given(NAMES)
def test_a_name_comes_back_from_its_object_path(name: str) -> None:
    assert unit_name(unit_path(name)) == name


async def test_a_job_that_ends_later_gives_its_result() -> None:
    jobs = Jobs()
    with jobs.asking():
        outcome = jobs.outcome("/job/1")
    jobs.ended("/job/1", "done")
    assert await outcome == "done"


async def test_a_job_that_ended_before_its_number_was_known_is_still_seen() -> None:
    jobs = Jobs()
    with jobs.asking():
        jobs.ended("/job/1", "failed")
        outcome = jobs.outcome("/job/1")
    assert await outcome == "failed"


async def test_nobody_waits_for_a_job_when_the_connection_is_gone() -> None:
    jobs = Jobs()
    with jobs.asking():
        outcome = jobs.outcome("/job/1")
    jobs.lost(NoBus("gone"))
    with pytest.raises(NoBus):
        await outcome


async def test_what_arrives_while_a_batch_is_done_is_the_next_batch() -> None:
    seen: list[list[str]] = []
    go_on = asyncio.Event()

    async def work(batch: Mapping[str, int]) -> dict[str, Exception]:
        seen.append(sorted(batch))
        await go_on.wait()
        return {}

    batches: Batches[str, int] = Batches(work)
    async with asyncio.TaskGroup() as group:
        group.create_task(batches.add("a", 1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        group.create_task(batches.add("b", 2))
        group.create_task(batches.add("c", 3))
        await asyncio.sleep(0)
        go_on.set()
    assert seen == [["a"], ["b", "c"]]


async def test_one_failure_in_a_batch_is_only_its_own() -> None:
    async def work(batch: Mapping[str, int]) -> dict[str, Exception]:
        return {"a": NoBus("a only")}

    batches: Batches[str, int] = Batches(work)
    ended = await asyncio.gather(batches.add("a", 1), batches.add("b", 2), return_exceptions=True)
    assert [str(end) for end in ended] == ["a only", "None"]


async def test_a_batch_that_fails_as_a_whole_fails_for_all_and_the_next_one_works() -> None:
    results: list[Exception | None] = [NoBus("all"), None]

    async def work(batch: Mapping[str, int]) -> dict[str, Exception]:
        if error := results.pop(0):
            raise error
        return {}

    batches: Batches[str, int] = Batches(work)
    ended = await asyncio.gather(batches.add("a", 1), batches.add("b", 2), return_exceptions=True)
    assert [str(end) for end in ended] == ["all", "all"]
    await batches.add("a", 1)


def test_pauses_grow_up_to_a_limit() -> None:
    assert [pause(n) for n in (1, 2, 3, 100)] == [0.5, 1.0, 2.0, LONGEST]


def test_towards_another_goal_counting_begins_anew() -> None:
    first = after(None, "this", now=10.0)
    assert first == Failure("this", 1, 10.5)
    assert after(first, "this", now=11.0).count == 2
    assert after(first, "that", now=11.0).count == 1


async def test_of_units_that_are_not_fleets_nothing_is_kept() -> None:
    changes = Changes({"a.service": 1}.get)
    changes.heard("b.service", {"ActiveState": "active"})
    changes.heard("a.service", {"ActiveState": "active"})
    assert await changes.take() == {"a.service"}


def test_a_state_is_dated_by_what_systemd_sent_with_it() -> None:
    changes = Changes({"a.service": 1}.get)
    changes.heard("a.service", {"ActiveEnterTimestamp": 2_500_000, "InactiveEnterTimestamp": 0})
    dated = changes.dated(
        {
            "a.service": UnitStatus("loaded", "active", "running"),
            "b.service": UnitStatus("loaded", "active", "running"),
        }
    )
    assert [status.since for status in dated.values()] == [2.5, None]


def test_a_state_that_systemd_gave_no_time_for_is_not_dated() -> None:
    changes = Changes({"a.service": 1}.get)
    changes.heard("a.service", {"ActiveEnterTimestamp": 2_500_000, "InactiveEnterTimestamp": 0})
    status = changes.dated({"a.service": UnitStatus("loaded", "failed", "failed")})["a.service"]
    assert status.since is None


ETC = "/etc/systemd/system/a.service"
WHOSE = {
    "what fleet linked is ours": (UnitStatus("loaded", "active", "running"), "/run/x", True, None),
    "a file of the host's is not": (UnitStatus("loaded", "inactive", "dead"), ETC, False, ETC),
    "a masked name is not": (UnitStatus("masked", "inactive", "dead"), "", False, "masked by the host"),
    "what runs without a file is not": (
        UnitStatus("loaded", "active", "mounted"),
        "",
        False,
        "made by systemd itself, active",
    ),
    "an idle instance of a template of the host's is nobody's": (
        UnitStatus("loaded", "inactive", "dead"),
        "/etc/systemd/system/a@.service",
        False,
        None,
    ),
    "a running instance of a template of the host's is the host's": (
        UnitStatus("loaded", "active", "running"),
        "/etc/systemd/system/a@.service",
        False,
        "/etc/systemd/system/a@.service",
    ),
}


@pytest.mark.parametrize(("status", "fragment", "is_ours", "origin"), WHOSE.values(), ids=WHOSE.keys())
def test_whose_a_unit_is(status: UnitStatus, fragment: str, is_ours: bool, origin: str | None) -> None:
    assert stranger("a.service", status, fragment, is_ours=is_ours) == origin
