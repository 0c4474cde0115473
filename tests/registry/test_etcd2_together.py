"""Many requests at once: as many as there are hands, and none left behind."""

from __future__ import annotations

import asyncio
import gc

import pytest

from registry.etcd2.together import AT_ONCE, together


async def test_the_first_error_is_raised_when_all_have_ended() -> None:
    ended: list[int] = []

    async def request(n: int) -> None:
        await asyncio.sleep(0)
        ended.append(n)
        if n % 2:
            raise ValueError(n)

    with pytest.raises(ValueError, match=r"^1$"):
        await together(request(n) for n in range(3 * AT_ONCE))
    assert sorted(ended) == list(range(3 * AT_ONCE))


async def test_what_is_given_up_before_it_has_begun_leaves_nothing_behind() -> None:
    begun: list[int] = []
    all_hands = asyncio.Event()

    async def request(n: int) -> None:
        begun.append(n)
        if len(begun) == AT_ONCE:
            all_hands.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(together(request(n) for n in range(3 * AT_ONCE)))
    await all_hands.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gc.collect()  # a coroutine that was never awaited says so when it goes: pytest makes that an error
    assert begun == list(range(AT_ONCE))
