"""The members of etcd: one of them is used until it fails, then the next.

Rule 1: blocking calls cross over into threads here and nowhere else; long polls have one of their own,
        so they never keep a request waiting.
Rule 2: whoever is cancelled leaves no thread behind for longer than a request may take.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from registry.etcd2.door import Door, Failed, Poll, Reply, Trust
from registry.settings import Endpoint

T = TypeVar("T")

THREADS: Final = 4


class Members:
    """Doors to all members, made when they are first used."""

    def __init__(self, endpoints: Sequence[Endpoint], trust: Trust) -> None:
        self._doors = [Door(endpoint, trust) for endpoint in endpoints]
        self._turn = 0
        self._asking = ThreadPoolExecutor(THREADS, "etcd2")
        self._polling = ThreadPoolExecutor(1, "etcd2-watch")
        self._polls: set[Poll] = set()

    def __len__(self) -> int:
        return len(self._doors)

    @property
    def turn(self) -> int:
        """Which member is in use, to be told to `move_on` when it fails."""
        return self._turn

    @property
    def address(self) -> str:
        """The member in use."""
        return self._doors[self._turn].address

    def move_on(self, failed: int) -> None:
        """Use the next member, unless another request has moved on already."""
        if failed == self._turn:
            self._turn = (self._turn + 1) % len(self._doors)
            self.nudge()

    async def ask(self, request: Callable[[Door], Reply]) -> Reply | Failed:
        """What the member in use says to a request."""
        door = self._doors[self._turn]
        return await _outcome(self._asking, lambda: request(door))

    async def poll(self, path: str, index: int, timeout: float) -> Reply | Failed:
        """What a long poll of the member in use brings; given up when the caller is cancelled."""
        poll = self._doors[self._turn].poll(path, index)
        self._polls.add(poll)
        try:
            return await _outcome(self._polling, lambda: poll.run(timeout))
        finally:
            self._polls.discard(poll)
            poll.give_up()

    def nudge(self) -> None:
        """End the long polls that wait, so that they are asked again."""
        for poll in self._polls:
            poll.give_up()

    async def close(self) -> None:
        """End what is under way, the threads and the connections."""
        self.nudge()
        for executor in (self._polling, self._asking):
            await asyncio.to_thread(executor.shutdown)
        for door in self._doors:
            door.close()


async def _outcome(executor: ThreadPoolExecutor, work: Callable[[], Reply]) -> Reply | Failed:
    """The one place where the event loop waits for a thread."""

    def caught() -> Reply | Failed:
        try:
            return work()
        except Failed as failed:
            return failed

    return await asyncio.get_running_loop().run_in_executor(executor, caught)
