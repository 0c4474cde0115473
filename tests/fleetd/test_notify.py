"""What systemd is told, and that a daemon whom nobody listens to does not mind."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetd.api.gate import Gate
from fleetd.notify import Notifier, watchdog_period
from fleetd.status import Condition, Status, line


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """The end of the line that systemd holds."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.setblocking(False)
        yield end


def notifier(systemd: socket.socket) -> Notifier:
    return Notifier.of({"NOTIFY_SOCKET": systemd.getsockname()})


async def heard(systemd: socket.socket) -> list[str]:
    """The next message."""
    async with asyncio.timeout(5):
        return (await asyncio.get_running_loop().sock_recv(systemd, 4096)).decode().split("\n")


LINES = {
    "leader · 12 units · etcd ok": Condition(leads=True, units=12, shut=""),
    "member · 1 unit · etcd ok": Condition(leads=False, units=1, shut=""),
    "0 units · waiting: joining the cluster": Condition(leads=False, units=0, shut="joining the cluster"),
    "handing over 3 units": Condition(leads=False, units=3, shut="", handing_over=True),
}


@pytest.mark.parametrize(("expected", "condition"), LINES.items(), ids=LINES)
def test_the_status_line(expected: str, condition: Condition) -> None:
    assert line(condition) == expected


async def test_systemd_hears_that_the_start_is_over_then_what_changes(systemd: socket.socket) -> None:
    conditions = [Condition(False, 0, "joining"), Condition(True, 2, "")]
    status = Status(notifier(systemd), lambda: conditions[0])
    running = asyncio.create_task(status.run())
    assert await heard(systemd) == ["READY=1", "STATUS=0 units · waiting: joining"]
    conditions.pop(0)
    status.changed()
    assert await heard(systemd) == ["STATUS=leader · 2 units · etcd ok"]
    running.cancel()


async def test_the_heartbeat_comes_thrice_in_the_watchdogs_period(systemd: socket.socket) -> None:
    status = Status(notifier(systemd), lambda: Condition(True, 0, ""), watchdog=0.03)
    running = asyncio.create_task(status.run())
    await heard(systemd)
    assert [await heard(systemd) for _ in range(3)] == [["WATCHDOG=1"]] * 3
    running.cancel()


async def test_while_units_are_given_away_more_time_is_asked_for(systemd: socket.socket) -> None:
    Status(notifier(systemd), lambda: Condition(False, 1, "", handing_over=True)).tell()
    assert await heard(systemd) == ["EXTEND_TIMEOUT_USEC=30000000"]


def test_nobody_listens_and_nobody_minds(tmp_path: Path) -> None:
    for address in ("", str(tmp_path / "absent"), "@no-such-socket"):
        Notifier(address).ready("fine")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "7"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
    ],
)
def test_when_systemd_wants_to_hear_from_us(environment: dict[str, str], expected: float | None) -> None:
    assert watchdog_period(environment, 7) == expected


async def test_a_gate_is_shut_while_the_lease_is_uncertain_and_open_again_when_it_is_renewed() -> None:
    gate, certain = Gate(), [True]
    gate.open_while(lambda: certain[0])
    assert gate.why_shut() == ""
    certain[0] = False
    assert not gate.open
    assert gate.why_shut() == "cut off from etcd: the lease of this machine may have ended"
    certain[0] = True
    assert gate.open


async def test_who_asks_during_the_first_try_to_join_waits_for_it() -> None:
    gate = Gate()
    asking = asyncio.create_task(gate.settled())
    await asyncio.sleep(0)
    assert not asking.done()
    gate.open_while(lambda: True)
    assert await asking


async def test_once_the_first_try_has_failed_nobody_waits() -> None:
    gate = Gate()
    gate.shut("joining the cluster: no answer")
    async with asyncio.timeout(0.1):
        assert not await gate.settled()
