"""Word of changes: what wakes those who wait, and what does not."""

import queue
import threading
from collections.abc import Iterator

import pytest

from fleetctl.api import Event
from fleetctl.changes import Changes
from fleetctl.errors import Unreachable, Unsupported
from tests.fleetctl.conftest import SIMPLE, Shell

LONG = 30.0


class Stream:
    """Events as the test says: an Event, or the error that ends the stream. `taken`: how many have been."""

    def __init__(self) -> None:
        self._said: queue.Queue[Event | Exception] = queue.Queue()
        self.taken = threading.Semaphore(0)
        self.asked: list[str] = []

    def say(self, *said: Event | Exception) -> None:
        for one in said:
            self._said.put(one)

    def events(self, since: str) -> Iterator[Event]:
        self.asked.append(since)
        while True:
            one = self._said.get()
            if isinstance(one, Exception):
                raise one
            yield one
            self.taken.release()


@pytest.fixture
def stream() -> Iterator[Stream]:
    stream = Stream()
    yield stream
    stream.say(Unsupported("the test has ended"))


def test_a_change_of_a_unit_that_is_waited_for_wakes(stream: Stream) -> None:
    changes = Changes(stream, {"a.service"})  # type: ignore[arg-type]
    stream.say(Event("b.service", "1"))
    assert stream.taken.acquire(timeout=LONG)
    assert not changes.wait(0)
    stream.say(Event("a.service", "2"))
    assert changes.wait(LONG)
    stream.say(Event("", "3"))
    assert changes.wait(LONG)


def test_a_broken_stream_is_taken_up_where_it_ended(stream: Stream) -> None:
    changes = Changes(stream)  # type: ignore[arg-type]
    stream.say(Event("a.service", "7"), Event("b.service"), Unreachable("cut off"), Event("a.service", "8"))
    for _ in range(3):
        assert stream.taken.acquire(timeout=LONG)
    assert stream.asked == ["", "7"]
    assert changes.wait(LONG)


def test_where_nothing_is_told_it_is_said_so(stream: Stream) -> None:
    changes = Changes(stream)  # type: ignore[arg-type]
    stream.say(Unsupported("older"))
    assert changes.wait(LONG)
    assert changes.polls


def test_who_waits_long_listens(fleetctl: Shell) -> None:
    fleetctl.spawns = True
    fleetctl.file("slow.service", SIMPLE + "[Play]\nStart=activating/start@3 active/running\n")
    ran = fleetctl("start", "slow", FLEETCTL_DEBUG="true")
    assert ran.status == 0
    assert ran.err.count("HTTP GET http://domain-sock/fleet/v1/events\n") == 1
