"""What a lease says of itself while its store comes and goes."""

import asyncio
import logging

import pytest

from registry.errors import Unavailable
from registry.keyvalue.lease import Lease
from tests.registry.waiting import until


class Store:
    """Is away for one renewal, and then answers the same to all."""

    def __init__(self, answer: float) -> None:
        self._answer = answer
        self._is_away = True

    async def renew(self, id: int) -> float:
        if self._is_away:
            self._is_away = False
            raise Unavailable("it is away")
        return self._answer

    async def revoke(self, id: int) -> None:
        raise Unavailable("it is away")


@pytest.mark.parametrize(("answer", "said"), [(0.3, "lease 2a renewed again"), (0.0, "lease 2a has ended")])
async def test_a_lease_that_was_away_is_renewed_again_or_has_ended(
    answer: float, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "registry")
    lease = Lease(42, 0.3, asked_at=asyncio.get_running_loop().time(), renewer=Store(answer))
    async with lease.kept():
        await until(lambda: _is_said(said, caplog))
    assert caplog.messages == ["lease 2a not renewed, trying on: it is away", said]


async def _is_said(words: str, caplog: pytest.LogCaptureFixture) -> bool:
    return words in caplog.messages


class SlowStore:
    """Takes most of a lease to renew it at first, and keeps whether it was asked again early enough."""

    def __init__(self) -> None:
        self.was_certain: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.lease = Lease(42, 2.0, asked_at=asyncio.get_running_loop().time(), renewer=self)
        self._was_slow = False

    async def renew(self, id: int) -> float:
        if not self._was_slow:
            self._was_slow = True
            await asyncio.sleep(1.6)
        elif not self.was_certain.done():
            self.was_certain.set_result(self.lease.is_certain)
        return self.lease.ttl

    async def revoke(self, id: int) -> None:
        raise Unavailable("it is away")


async def test_a_lease_that_was_renewed_slowly_is_renewed_again_before_it_is_uncertain() -> None:
    store = SlowStore()
    async with store.lease.kept():
        assert await store.was_certain
