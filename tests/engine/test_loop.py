"""The loop around the plan, on a real registry in memory: units get places, and only a leader writes."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from math import inf
from typing import Any

import pytest

from engine.apply import apply
from engine.loop import run
from registry.memory import MemoryRegistry, MemoryStore
from registry.port import Everything, OneMachine, Session
from registry.records import Bid, Job, Picture
from tests.builders import unit_file
from units.machine import Machine
from units.state import TargetState

INTERVAL = 5.0
"""Longer than any test: nothing here may depend on the tick."""


@asynccontextmanager
async def host(store: MemoryStore, id: str, *, thinks: float = 0.0) -> AsyncIterator[None]:
    """A present machine whose agent bids on every offer, after so many seconds."""
    registry = MemoryRegistry(store)
    async with registry.join(Machine(id), ttl=60) as session, registry.follow(OneMachine(id)) as view:
        bidding = asyncio.create_task(_bid(session, view.picture, view.after, thinks))
        try:
            yield
        finally:
            bidding.cancel()
            with suppress(asyncio.CancelledError):
                await bidding


async def _bid(
    session: Session,
    picture: Picture,
    after: Callable,  # type: ignore[type-arg]
    thinks: float,
) -> None:
    while True:
        offers = [offer for by in picture.offers.values() for offer in by.values()]
        if offers and thinks:
            await asyncio.sleep(thinks)
        await session.bid([Bid(o.machine, o.name, o.id) for o in offers])
        picture = await after(picture)


@asynccontextmanager
async def engine(store: MemoryStore, id: str, *, grace: float = 30) -> AsyncIterator[asyncio.Task[None]]:
    """An engine that runs until the context ends."""
    task = asyncio.create_task(run(MemoryRegistry(store), id, interval=INTERVAL, grace=grace))
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def launch(store: MemoryStore, name: str, *fleet_lines: str) -> None:
    file = unit_file(*fleet_lines)
    await MemoryRegistry(store).save(Job(name, file.hash, TargetState.LAUNCHED), file, seen=None)


async def until(store: MemoryStore, condition: Callable[[Picture], bool]) -> Picture:
    async with asyncio.timeout(3), MemoryRegistry(store).follow(Everything()) as view:
        picture = view.picture
        while not condition(picture):
            picture = await view.after(picture)
        return picture


def placed(picture: Picture) -> dict[str, list[str]]:
    return {name: sorted(by) for name, by in picture.schedule.items()}


async def test_a_launched_unit_is_scheduled_without_waiting_for_a_tick() -> None:
    store = MemoryStore()
    async with host(store, "m1"), engine(store, "m1"):
        await launch(store, "a.service")
        picture = await until(store, lambda p: "a.service" in p.schedule)
    assert placed(picture) == {"a.service": ["m1"]}
    assert (picture.offers, picture.bids) == ({}, {}), "a finished auction leaves nothing behind"


async def test_a_store_that_takes_long_to_write_offers_leaves_hosts_the_time_to_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def slowly(*words: Any) -> int:
        revision = await apply(*words)
        await asyncio.sleep(1.0)
        return revision

    monkeypatch.setattr("engine.loop.apply", slowly)
    store = MemoryStore()
    async with host(store, "m1", thinks=1.1), engine(store, "m1"):
        await launch(store, "a.service")
        await until(store, lambda p: "a.service" in p.schedule)


async def test_units_of_a_lost_machine_move_and_no_other_does() -> None:
    store = MemoryStore()
    async with host(store, "m1"), host(store, "m2"), host(store, "m3"), engine(store, "m3", grace=0):
        for name in ("a.service", "b.service", "c.service"):
            await launch(store, name)
        before = placed(await until(store, lambda p: len(p.schedule) == 3))
        assert before == {"a.service": ["m1"], "b.service": ["m2"], "c.service": ["m3"]}
        store.expire("m1")
        after = await until(store, lambda p: placed(p).get("a.service", ["m1"]) != ["m1"])
    assert placed(after) == {**before, "a.service": ["m2"]}


async def test_a_host_that_is_lost_soon_after_the_engine_started_is_not_waited_for() -> None:
    store = MemoryStore()
    async with host(store, "m2"), engine(store, "m2", grace=3600.0):
        async with host(store, "m1"):
            await launch(store, "a.service")
            assert placed(await until(store, lambda p: len(p.schedule) == 1)) == {"a.service": ["m1"]}
            store.expire("m1")
        after = await until(store, lambda p: placed(p).get("a.service", ["m1"]) != ["m1"])
    assert placed(after) == {"a.service": ["m2"]}


async def test_a_host_that_is_lost_just_after_the_store_was_away_is_waited_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = MemoryStore()
    async with host(store, "m2"), engine(store, "m2", grace=0.01):
        async with host(store, "m1"):
            await launch(store, "a.service")
            before = placed(await until(store, lambda p: len(p.schedule) == 1))
            assert before == {"a.service": ["m1"]}
            store.steady_since = inf  # as if it had been away until just now, however long this took
            store.expire("m1")
        after = await until(store, lambda p: placed(p).get("a.service", ["m1"]) != ["m1"])
    assert placed(after) == {"a.service": ["m2"]}
    told = [r.message for r in caplog.records if r.name == "engine.loop"]
    assert told == ["Out of sight, and perhaps not gone: units stay for 0.01 s more on m1"]


async def test_another_engine_takes_over_when_the_leader_is_deposed() -> None:
    store = MemoryStore()
    async with host(store, "m1"), engine(store, "m1"):
        await until(store, lambda p: p.leader is not None and p.leader.machine == "m1")
        async with engine(store, "m2"):
            store.depose()
            await until(store, lambda p: p.leader is not None and p.leader.machine == "m2")
            await launch(store, "a.service")
            await until(store, lambda p: "a.service" in p.schedule)


async def test_an_engine_that_is_stopped_gives_the_lead_back() -> None:
    store = MemoryStore()
    async with engine(store, "m1"):
        await until(store, lambda p: p.leader is not None)
    await until(store, lambda p: p.leader is None)


async def test_a_registry_that_goes_away_for_a_while_loses_nothing() -> None:
    store = MemoryStore()
    async with host(store, "m1"), engine(store, "m1"):
        await until(store, lambda p: p.leader is not None)
        file = unit_file()
        await MemoryRegistry(store).save(Job("a.service", file.hash, TargetState.LAUNCHED), file, seen=None)
        store.go_away()
        await asyncio.sleep(0.01)  # lets the engine run into the closed door
        store.come_back()
        await until(store, lambda p: "a.service" in p.schedule)


async def test_a_unit_without_a_place_is_explained_once_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    with caplog.at_level(logging.INFO, "engine.loop"):
        async with host(store, "m1"), engine(store, "m1"):
            await launch(store, "a.service", "MachineMetadata=disk=ssd")
            await launch(store, "b.service")
            await until(store, lambda p: "b.service" in p.schedule)
    told = [r.message for r in caplog.records if "a.service" in r.message]
    assert told == [
        "Unit(a.service) waits for a machine:"
        " none of 1 machines qualifies (1 by MachineMetadata: local Machine metadata insufficient)"
    ]
