"""However the owner of a lab ends, nothing of the lab is left."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fleetlab import Lab, LabError, wait_until
from tests.fleetlab.traces import traces

pytestmark = pytest.mark.lab

OWNER = """
import asyncio
from fleetlab import Lab

async def main():
    async with Lab(hosts=2) as lab:
        print(lab.record.id, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@contextmanager
def owner() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process with a lab of its own, and the lab's id."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
async def test_nothing_is_left_when_the_owner_gets(number: signal.Signals) -> None:
    with owner() as (process, lab):
        assert traces(lab)
        process.send_signal(number)
        await wait_until(lambda: traces(lab) == [], 15, "nothing to be left")


async def test_nothing_is_left_after_an_error() -> None:
    seen: list[str] = []
    with pytest.raises(ZeroDivisionError):
        await fail_in_a_lab(seen)
    assert traces(seen[0]) == []


async def fail_in_a_lab(seen: list[str]) -> None:
    async with Lab(hosts=1, etcd_members=0) as lab:
        seen.append(lab.record.id)
        await lab["h1"].pause()
        raise ZeroDivisionError


async def test_nothing_is_left_when_a_lab_cannot_start() -> None:
    with pytest.raises(LabError, match=r"m1 has ended.*no-such-flag"):
        async with Lab(hosts=1, name="broken", etcd_args=["--no-such-flag"]):
            pass
    assert traces("broken-") == []


async def test_the_next_lab_clears_what_an_owner_and_its_reaper_left() -> None:
    with owner() as (process, lab):
        os.kill(reaper_of(lab), signal.SIGKILL)
        process.kill()
        process.wait()
        async with Lab(hosts=0, etcd_members=0):
            assert traces(lab) == []


def reaper_of(lab: str) -> int:
    """The pid of the lab's reaper."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"fleetlab.reaper" in words and lab.encode() in words:
            return int(path.parent.name)
    raise AssertionError(f"{lab} has no reaper")
