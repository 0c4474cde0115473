"""Many units at once: how many start together, and who comes first."""

import asyncio
from collections.abc import Callable

import pytest

from agent.ordering import predecessors
from agent.plan import Wanted, plan
from agent.tasks import Tasks
from agent.turnstile import Turnstile
from tests.agent.host_contract import SLEEPS
from tests.agent.scripted import Machine, ScriptedHost
from tests.agent.world import eventually
from units.file import UnitFile
from units.state import TargetState


def ordered(*lines: str) -> UnitFile:
    return UnitFile.from_text("[Unit]\n" + "\n".join(lines) + "\n[Service]\nExecStart=/bin/sleep 9\n")


ORDERS: dict[str, tuple[dict[str, UnitFile], dict[str, set[str]]]] = {
    "without a word about it there is no order": ({"a.service": SLEEPS, "b.service": SLEEPS}, {}),
    "after": (
        {"a.service": ordered("After=b.service"), "b.service": SLEEPS},
        {"a.service": {"b.service"}},
    ),
    "before": (
        {"a.service": ordered("Before=b.service"), "b.service": SLEEPS},
        {"b.service": {"a.service"}},
    ),
    "what is not here counts for nothing": ({"a.service": ordered("After=network.target")}, {}),
    "several in one value, and in several": (
        {"a.service": ordered("After=b.service c.service", "After=d.service")}
        | dict.fromkeys(("b.service", "c.service", "d.service"), SLEEPS),
        {"a.service": {"b.service", "c.service", "d.service"}},
    ),
    "an empty value takes back what was said": (
        {"a.service": ordered("After=b.service", "After="), "b.service": SLEEPS},
        {},
    ),
    "instances name each other with specifiers": (
        {"side@1.service": ordered("After=main@%i.service"), "main@1.service": SLEEPS},
        {"side@1.service": {"main@1.service"}},
    ),
    "itself": ({"a.service": ordered("After=a.service")}, {}),
}


@pytest.mark.parametrize(("files", "first"), ORDERS.values(), ids=ORDERS.keys())
def test_who_comes_first(files: dict[str, UnitFile], first: dict[str, set[str]]) -> None:
    assert predecessors(files) == first


def test_a_circle_is_cut_so_that_all_can_start() -> None:
    first = predecessors({f"{n}.service": ordered(f"After={m}.service") for n, m in ("ab", "bc", "ca")})
    assert sum(map(len, first.values())) == 2


async def test_no_more_than_so_many_are_inside_and_who_waits_longest_is_next() -> None:
    turnstile = Turnstile(1)
    jobs = [asyncio.get_running_loop().create_future() for _ in range(3)]
    came: list[str] = []

    async def come(name: str) -> None:
        assert await turnstile.enter(name)
        came.append(name)
        turnstile.leave_after(jobs[len(came) - 1])

    async with asyncio.TaskGroup() as group:
        for name in "cab":
            group.create_task(come(name))
        for _ in range(3):
            await eventually(lambda: came)
            assert len(came) == sum(job.done() for job in jobs) + 1
            jobs[len(came) - 1].set_result(None)
            await asyncio.sleep(0.01)
    assert came == ["c", "a", "b"]


async def test_who_takes_too_long_makes_room_all_the_same() -> None:
    turnstile = Turnstile(1, patience=0.01)
    for name in "ab":
        assert await turnstile.enter(name)
        turnstile.leave_after(asyncio.get_running_loop().create_future())


async def test_with_more_places_those_who_wait_come_in_and_with_fewer_so_many_have_to_leave_first() -> None:
    turnstile = Turnstile(1)
    jobs = {name: asyncio.get_running_loop().create_future() for name in "abcd"}
    inside: list[str] = []

    async def come(name: str) -> None:
        assert await turnstile.enter(name)
        inside.append(name)
        turnstile.leave_after(jobs[name])

    async with asyncio.TaskGroup() as group:
        for name in "abcd":
            group.create_task(come(name))
        await eventually(lambda: inside == ["a"])
        turnstile.resize(3)
        await eventually(lambda: inside == ["a", "b", "c"])
        turnstile.resize(1)
        for name in "ab":
            jobs[name].set_result(None)
            await asyncio.sleep(0.01)
            assert inside == ["a", "b", "c"]
        jobs["c"].set_result(None)
    assert inside == ["a", "b", "c", "d"]


async def test_waiting_can_be_called_off_and_given_up() -> None:
    turnstile = Turnstile(1)
    job = asyncio.get_running_loop().create_future()
    assert await turnstile.enter("a")
    turnstile.leave_after(job)
    off, up, next_one = (asyncio.create_task(turnstile.enter(name)) for name in "bcd")
    await asyncio.sleep(0)
    turnstile.call_off("b")
    assert not await off
    job.set_result(None)
    await asyncio.sleep(0)
    up.cancel()  # just when its turn has come
    assert await next_one


class Storm:
    """Units to be started on a scripted host."""

    def __init__(self, machine: Machine, files: dict[str, UnitFile], *, starts: int) -> None:
        self.machine, self.files = machine, files
        self.host = ScriptedHost(machine)
        self.host.find_bus()
        self.tasks = Tasks(self.host, self.content, lambda: None, starts=starts)
        self.wanted = {
            name: Wanted(file.hash, TargetState.LAUNCHED, version)
            for version, (name, file) in enumerate(files.items())
        }

    async def content(self, hash: str) -> UnitFile | None:
        return next(file for file in self.files.values() if file.hash == hash)

    async def begin(self) -> None:
        self.tasks.begin(plan(self.wanted, await self.host.present()), self.wanted)

    @property
    def starts(self) -> list[str]:
        return [words.split()[1] for words in self.machine.done if words.startswith("start")]


async def test_few_start_at_a_time_the_oldest_first(machine: Machine) -> None:
    storm = Storm(machine, {f"{n}.service": SLEEPS for n in "zyxwv"}, starts=2)
    for name in storm.files:
        machine.jobs[name] = asyncio.get_running_loop().create_future()
    await storm.begin()
    for count in (2, 3, 4, 5):
        await eventually(_count(storm, count))
        await asyncio.sleep(0.01)
        assert len(storm.starts) == count
        machine.jobs[storm.starts[count - 2]].set_result(None)
    assert storm.starts == [f"{n}.service" for n in "zyxwv"]


def _count(storm: Storm, count: int) -> Callable[[], bool]:
    return lambda: len(storm.starts) == count


async def test_what_comes_first_is_asked_for_first_whatever_its_age(machine: Machine) -> None:
    files = {
        "a.service": ordered("After=b.service"),
        "b.service": ordered("After=c.service"),
        "c.service": SLEEPS,
    }
    storm = Storm(machine, files, starts=1)
    await storm.begin()
    await eventually(_count(storm, 3))
    assert storm.starts == ["c.service", "b.service", "a.service"]


async def test_one_that_cannot_be_loaded_keeps_nobody_waiting(machine: Machine) -> None:
    machine.strangers["b.service"] = "/etc/b"
    storm = Storm(machine, {"a.service": ordered("After=b.service"), "b.service": SLEEPS}, starts=1)
    await storm.begin()
    await eventually(_count(storm, 1))
    assert storm.starts == ["a.service"]


async def test_what_is_not_wanted_any_more_when_its_turn_comes_is_not_started(machine: Machine) -> None:
    storm = Storm(machine, {"a.service": SLEEPS, "b.service": SLEEPS}, starts=1)
    machine.jobs["a.service"] = asyncio.get_running_loop().create_future()
    await storm.begin()
    await eventually(_count(storm, 1))
    storm.wanted = {name: want for name, want in storm.wanted.items() if name != "b.service"}
    await storm.begin()
    await eventually(lambda: not [task for task in storm.tasks._busy if task == "b.service"])
    await storm.begin()
    await eventually(lambda: "unload b.service" in machine.done)
    assert storm.starts == ["a.service"]


async def test_what_is_not_wanted_any_more_when_its_predecessor_is_through_is_not_started(
    machine: Machine,
) -> None:
    storm = Storm(machine, {"a.service": ordered("After=b.service"), "b.service": SLEEPS}, starts=9)
    gate = machine.gates["load b.service"] = asyncio.Event()
    await storm.begin()
    await eventually(lambda: "load a.service" in machine.done)
    storm.wanted = {name: want for name, want in storm.wanted.items() if name != "a.service"}
    await storm.begin()
    gate.set()
    await eventually(_count(storm, 1))
    await eventually(lambda: not storm.tasks._busy)
    assert storm.starts == ["b.service"]
