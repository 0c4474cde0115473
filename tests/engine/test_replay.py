"""Moments on disk: kept while the engine works, and planned again."""

import asyncio
import json
import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from engine.memory import Memory
from engine.plan import plan
from engine.recorder import KEPT, Recorder
from engine.replay import replay
from engine.saved import Moment, NotSaved
from tests.builders import cluster, unit

MOMENT = Moment(cluster(unit("a"), unit("w", "MachineMetadata=x=1"), machines="m1 m2"))


async def kept(directory: Path, moments: int) -> Recorder:
    """A recorder that has noted so many moments and written them."""
    recorder = Recorder(directory, quiet=0.0)
    writing = asyncio.create_task(recorder.write_for_ever())
    for number in range(moments):
        moment = replace(MOMENT, memory=Memory(epoch=f"e{number}"))
        recorder.note(moment, plan(moment.cluster, moment.memory, now=moment.now, grace=moment.grace))
        await recorder.wait_written()
    writing.cancel()
    with suppress(asyncio.CancelledError):
        await writing
    return recorder


def epochs(directory: Path) -> list[str]:
    """What is kept, by the name of its file."""
    return [json.loads(file.read_text())["memory"]["epoch"] for file in sorted(directory.iterdir())]


async def test_a_recorded_decision_is_told_again_with_its_reason(tmp_path: Path) -> None:
    await kept(tmp_path, 1)
    told = replay(tmp_path / "moment-00.json")
    assert told.splitlines()[0].startswith("2 machines, 2 units, 0 of them scheduled, 0 auctions open; 20")
    assert told.splitlines()[1:] == [
        "Offered Unit(a.service) to m1, m2 as e0.1: target state launched and unit not scheduled",
        "Unit(w.service) waits for a machine: none of 2 machines qualifies"
        " (2 by MachineMetadata: local Machine metadata insufficient)",
    ]


async def test_only_the_last_moments_are_kept_also_over_a_restart(tmp_path: Path) -> None:
    await kept(tmp_path, KEPT + 2)
    await kept(tmp_path, 1)
    assert epochs(tmp_path) == ["e20", "e21", "e0", *(f"e{n}" for n in range(3, KEPT))]


async def test_a_disk_that_is_full_or_not_writable_is_told_once_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "in-the-way").write_text("")
    with caplog.at_level(logging.WARNING):
        await kept(tmp_path / "in-the-way", 3)
    assert [r.message.partition(":")[0] for r in caplog.records] == [
        "The engine's inputs cannot be kept for a replay"
    ]


def test_a_decision_that_is_made_otherwise_today_is_shown_with_the_old_one(tmp_path: Path) -> None:
    file = tmp_path / "moment.json"
    file.write_text(
        json.dumps({"machines": {"m1": {}}, "units": {"a.service": {}}, "decided": ["Something else"]})
    )
    assert replay(file).splitlines()[-2:] == ["then it was decided otherwise:", "Something else"]


@pytest.mark.parametrize("text", ["", "[]", '{"units": 3}', '{"units": {"a.service": {"Conflict": ["b"]}}}'])
def test_a_file_that_holds_no_moment_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "moment.json"
    file.write_text(text)
    with pytest.raises(NotSaved):
        replay(file)
