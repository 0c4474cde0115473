"""The contract for views: one picture at one revision, never older than promised, never going back."""

from __future__ import annotations

import asyncio

import pytest

from registry.port import Everything, OneMachine, Place, Registry, Scope
from tests.registry.builders import (
    LAUNCHED,
    LOADED,
    M1,
    M2,
    A,
    entry,
    job,
    leader,
    machine,
    report,
    unit_file,
)
from tests.registry.world import World, put, seen, soon

SCOPES: tuple[Scope, ...] = (Everything(), OneMachine(M1))


async def test_a_view_holds_what_was_there_before_it(registry: Registry) -> None:
    revision = await registry.save(job(), unit_file(), seen=None)
    async with registry.follow(Everything()) as view:
        assert view.picture.jobs == {A: job()}
        assert view.picture.revision >= revision


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_change_wakes_who_waits_for_one(registry: Registry, scope: Scope) -> None:
    async with registry.follow(scope) as view:
        waiting = asyncio.create_task(view.after(view.picture))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        await registry.save(job(is_global=True), unit_file(is_global=True), seen=None)
        await soon(waiting)
        assert (await seen(view, lambda p: p.jobs)).jobs == {A: job(is_global=True)}


async def test_a_change_that_came_before_the_question_is_answered_at_once(registry: Registry) -> None:
    async with registry.follow(Everything()) as view:
        first = view.picture
        await view.reached(await registry.save(job(), unit_file(), seen=None))
        assert (await soon(view.after(first))).jobs == {A: job()}


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_newer_revision_without_a_change_wakes_nobody(
    world: World, registry: Registry, scope: Scope
) -> None:
    async with registry.follow(scope) as view:
        waiting = asyncio.create_task(view.after(view.picture))
        for n in range(3):
            await put(world, "a-word-of-a-later-fleet", b"%d" % n)
            await view.fresh()
        await asyncio.sleep(0.01)
        assert not waiting.done()
        waiting.cancel()


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_fresh_picture_holds_what_others_wrote_before(world: World, scope: Scope) -> None:
    writer, reader = world.connect(), world.connect()
    async with reader.follow(scope) as view:
        for n in range(20):
            name = f"u{n}.service"
            revision = await writer.save(job(name, is_global=True), unit_file(is_global=True), seen=None)
            picture = await soon(view.fresh())
            assert name in picture.jobs
            assert picture.revision >= revision


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_fresh_picture_misses_what_others_removed_before(world: World, scope: Scope) -> None:
    writer, reader = world.connect(), world.connect()
    await writer.save(job(is_global=True), unit_file(is_global=True), seen=None)
    async with reader.follow(scope) as view:
        found = await writer.job(A)
        assert found is not None
        await writer.destroy(found)
        assert (await soon(view.fresh())).jobs == {}


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_view_reaches_a_revision_that_says_nothing_to_it(
    world: World, registry: Registry, scope: Scope
) -> None:
    async with registry.follow(scope) as view:
        other = world.connect()
        revision = await other.set_metadata(M2, {"zone": "z"})
        assert (await soon(view.reached(revision))).revision >= revision


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_picture_that_was_given_away_never_changes(registry: Registry, scope: Scope) -> None:
    await registry.save(job(is_global=True), unit_file(is_global=True), seen=None)
    await registry.set_metadata(M1, {"zone": "z"})
    async with registry.follow(scope) as view, registry.campaign(leader(), ttl=10) as leadership:
        before = view.picture
        copy = str(before)
        await leadership.commit([Place(entry())])
        await registry.save(job("b.service", is_global=True), unit_file(is_global=True), seen=None)
        await view.fresh()
        assert str(before) == copy


async def test_one_machine_sees_its_own_and_the_global_units_only(registry: Registry) -> None:
    async with (
        registry.join(machine(M1), ttl=10) as one,
        registry.join(machine(M2), ttl=10) as two,
        registry.campaign(leader(), ttl=10) as leadership,
        registry.follow(OneMachine(M1)) as view,
    ):
        await registry.save(job(), unit_file(), seen=None)
        await registry.save(job("b.service"), unit_file(), seen=None)
        await leadership.commit([Place(entry(machine=M1)), Place(entry("b.service", machine=M2))])
        await one.report([report(machine=M1)], [])
        await two.report([report("b.service", machine=M2)], [])
        await registry.save(job("g.service", is_global=True), unit_file(is_global=True), seen=None)
        picture = await view.fresh()
    assert set(picture.machines) == {M1}
    assert picture.schedule == {A: {M1: entry(machine=M1)}}
    assert set(picture.jobs) == {"g.service"}
    assert (picture.reports, picture.files, picture.leader) == ({}, {}, None)


async def test_everything_holds_every_table(registry: Registry) -> None:
    async with (
        registry.join(machine(), ttl=10) as session,
        registry.campaign(leader(), ttl=10) as leadership,
        registry.follow(Everything()) as view,
    ):
        await registry.save(job(), unit_file(), seen=None)
        await leadership.commit([Place(entry())])
        await session.report([report()], [])
        picture = await view.fresh()
    assert picture.machines == {M1: machine()}
    assert picture.schedule == {A: {M1: entry()}}
    assert picture.reports == {A: {M1: report()}}
    assert picture.leader == leader()


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_burst_arrives_whole_and_no_picture_goes_back(registry: Registry, scope: Scope) -> None:
    names = {f"u{n}.service" for n in range(150)}
    revisions: list[int] = []
    async with registry.follow(scope) as view:

        async def watch() -> None:
            picture = view.picture
            while set(picture.jobs) != names:
                picture = await view.after(picture)
                revisions.append(picture.revision)

        watching = asyncio.create_task(watch())
        await asyncio.gather(
            *(
                registry.save(job(name, is_global=True), unit_file(is_global=True), seen=None)
                for name in sorted(names)
            )
        )
        await soon(watching)
    assert revisions == sorted(revisions)


@pytest.mark.not_in_layout("give an entry a state of its own: it is always that of its job")
async def test_many_changes_of_one_record_end_with_the_last(registry: Registry) -> None:
    async with (
        registry.campaign(leader(), ttl=10) as leadership,
        registry.follow(OneMachine(M1)) as view,
    ):
        for n in range(50):
            await leadership.commit([Place(entry(state=(LOADED, LAUNCHED)[n % 2]))])
        picture = await seen(view, lambda p: p.schedule.get(A, {}).get(M1) == entry(state=LAUNCHED))
        assert picture.schedule == {A: {M1: entry(state=LAUNCHED)}}
