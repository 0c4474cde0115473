"""Contents that nothing names are removed, late, and never from under a unit."""

import asyncio

from engine.contents import AT_ONCE, LOOK_INTERVALS, Contents, unnamed
from engine.loop import run
from registry.memory import MemoryRegistry, MemoryStore
from registry.port import Discard, Everything
from registry.records import Job, Picture, ScheduleEntry
from units.file import UnitFile
from units.state import TargetState


def file(command: str) -> UnitFile:
    return UnitFile.from_text(f"[Service]\nExecStart=/bin/{command}\n")


INTERVAL = 2.0
BETWEEN_LOOKS = LOOK_INTERVALS * INTERVAL
OLD, NEW, LEFT = file("old"), file("new"), file("left")
FILES = {f.hash: f for f in (OLD, NEW, LEFT)}
JOBS = {"a.service": Job("a.service", NEW.hash, TargetState.LAUNCHED)}
SCHEDULE = {"a.service": {"m1": ScheduleEntry("m1", "a.service", OLD.hash, TargetState.LAUNCHED)}}


def test_what_neither_a_job_nor_a_schedule_names_is_unnamed() -> None:
    assert unnamed(Picture(7, jobs=JOBS, files=FILES, schedule=SCHEDULE)) == {LEFT.hash}
    assert unnamed(Picture(7, jobs=JOBS, files=FILES)) == {LEFT.hash, OLD.hash}


def test_nothing_is_unnamed_while_a_record_cannot_be_read() -> None:
    assert unnamed(Picture(7, jobs=JOBS, files=FILES, broken={"/job/b.service": "is no JSON"})) == frozenset()


def test_what_is_unnamed_in_two_looks_goes_with_the_revision_of_the_second() -> None:
    kept = Contents(INTERVAL)
    assert kept.unwanted(Picture(7, files=FILES, jobs=JOBS, schedule=SCHEDULE), now=100.0) == ()
    later = Picture(9, files=FILES, jobs=JOBS, schedule=SCHEDULE)
    assert kept.unwanted(later, now=100.0 + BETWEEN_LOOKS / 2) == ()
    assert kept.unwanted(later, now=100.0 + BETWEEN_LOOKS) == (Discard(LEFT.hash, 9),)
    assert kept.unwanted(later, now=101.0 + BETWEEN_LOOKS) == ()


def test_what_has_been_named_in_between_stays() -> None:
    kept = Contents(INTERVAL)
    kept.unwanted(Picture(7, files=FILES), now=0.0)
    named = {f"{n}.service": Job(f"{n}.service", hash, TargetState.LOADED) for n, hash in enumerate(FILES)}
    assert kept.unwanted(Picture(8, files=FILES, jobs=named), now=BETWEEN_LOOKS) == ()


def test_one_look_removes_so_much_and_no_more() -> None:
    many = {f"{n:040x}": OLD for n in range(AT_ONCE + 1)}
    kept = Contents(INTERVAL)
    kept.unwanted(Picture(7, files=many), now=0.0)
    assert len(kept.unwanted(Picture(7, files=many), now=BETWEEN_LOOKS)) == AT_ONCE


async def test_a_leading_engine_clears_up_when_it_has_nothing_else_to_do() -> None:
    registry = MemoryRegistry(MemoryStore())
    await registry.save(Job("a.service", OLD.hash, TargetState.INACTIVE), OLD, seen=None)
    seen = await registry.job("a.service")
    assert seen is not None
    await registry.save(Job("a.service", NEW.hash, TargetState.INACTIVE), NEW, seen=seen)
    engine = asyncio.create_task(run(registry, "m1", interval=0.01, grace=1.0))
    try:
        async with asyncio.timeout(5), registry.follow(Everything()) as view:
            picture = view.picture
            while OLD.hash in picture.files:
                picture = await view.after(picture)
            assert NEW.hash in picture.files
    finally:
        engine.cancel()
        await asyncio.gather(engine, return_exceptions=True)
