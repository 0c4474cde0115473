"""Who waits for a picture, and what it costs when nobody looks."""

from __future__ import annotations

import asyncio

from registry import codec
from registry.keys import Keys
from registry.tables import Change, Tables
from registry.window import MANY_CHANGES, Window
from tests.registry.builders import A, job

KEYS = Keys.under("/f/")


def change(name: str, revision: int) -> Change:
    return Change(KEYS.job(name, is_global=False), codec.encode_job(job(name)), revision)


async def test_changes_between_two_looks_are_taken_together() -> None:
    window = Window(Tables(KEYS))
    first = window.picture
    for n in range(1, 10):
        window.push([change(f"u{n}.service", n)], n)
    assert first.jobs == {}
    assert (window.picture.revision, len(window.picture.jobs)) == (9, 9)
    assert window.picture is window.picture


async def test_what_nobody_looks_at_does_not_pile_up_for_ever() -> None:
    window = Window(Tables(KEYS))
    for n in range(1, MANY_CHANGES + 3):
        window.push([change(A, n)], n)
    assert len(window._pending) < 3


async def test_a_revision_never_goes_back_but_for_a_store_that_was_restored() -> None:
    window = Window(Tables(KEYS))
    window.push([], 7)
    window.push([change(A, 5)], 5)
    assert window.revision == 7
    window.replace(Tables(KEYS).after([], 3))
    assert (window.revision, window.picture.jobs) == (3, {})


async def test_a_wait_that_was_given_up_leaves_nothing_behind() -> None:
    window = Window(Tables(KEYS))
    waiting = asyncio.create_task(window.wait_revision(5))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert not window._waiting
