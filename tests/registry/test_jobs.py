"""The contract for jobs and their contents."""

from __future__ import annotations

from dataclasses import replace

import pytest

from registry.errors import Conflict
from registry.port import Everything, Registry
from tests.registry.builders import INACTIVE, LAUNCHED, LOADED, A, job, unit_file
from tests.registry.world import World


async def test_a_job_that_was_created_is_read_back(registry: Registry) -> None:
    revision = await registry.save(job(), unit_file(), seen=None)
    found = await registry.job(A)
    assert found == job()
    assert found is not None
    assert found.version == revision


async def test_a_job_that_was_never_created_is_none(registry: Registry) -> None:
    assert await registry.job(A) is None


async def test_creating_a_job_that_exists_conflicts_and_changes_nothing(registry: Registry) -> None:
    await registry.save(job(), unit_file(), seen=None)
    with pytest.raises(Conflict, match="exists"):
        await registry.save(job(state=LOADED), unit_file(), seen=None)
    assert await registry.job(A) == job()


async def test_creating_a_job_where_a_global_one_exists_conflicts(registry: Registry) -> None:
    await registry.save(job(is_global=True), unit_file(is_global=True), seen=None)
    with pytest.raises(Conflict):
        await registry.save(job(), unit_file(), seen=None)


async def test_the_state_of_a_job_changes_without_its_content(registry: Registry) -> None:
    await registry.save(job(), unit_file(), seen=None)
    await registry.save(job(state=LOADED), None, seen=await registry.job(A))
    assert await registry.job(A) == job(state=LOADED)


async def test_the_content_of_a_job_is_replaced(registry: Registry) -> None:
    other = unit_file("/bin/false")
    await registry.save(job(), unit_file(), seen=None)
    await registry.save(job(file=other), other, seen=await registry.job(A))
    found = await registry.job(A)
    assert found is not None
    assert await registry.unit_file(found.hash) == other


async def test_a_new_hash_without_its_content_is_a_mistake_of_the_caller(registry: Registry) -> None:
    with pytest.raises(ValueError, match=r"a\.service"):
        await registry.save(job(), None, seen=None)


async def test_changing_a_job_that_someone_else_has_changed_conflicts(world: World) -> None:
    one, other = world.connect(), world.connect()
    await one.save(job(), unit_file(), seen=None)
    first = await one.job(A)
    await other.save(job(state=LOADED), None, seen=await other.job(A))
    with pytest.raises(Conflict, match="meanwhile"):
        await one.save(job(state=INACTIVE), None, seen=first)
    assert await one.job(A) == job(state=LOADED)


async def test_a_job_that_was_destroyed_and_created_again_is_another_one(registry: Registry) -> None:
    await registry.save(job(), unit_file(), seen=None)
    first = await registry.job(A)
    assert first is not None
    await registry.destroy(first)
    await registry.save(job(), unit_file(), seen=None)
    with pytest.raises(Conflict):
        await registry.destroy(first)


async def test_a_destroyed_job_is_gone_and_its_content_can_still_be_read(world: World) -> None:
    registry = world.connect()
    await registry.save(job(), unit_file(), seen=None)
    found = await registry.job(A)
    assert found is not None
    await registry.destroy(found)
    assert await registry.job(A) is None
    assert await world.connect().unit_file(found.hash) == unit_file()


@pytest.mark.parametrize("was_global", [False, True])
async def test_a_job_moves_between_global_and_not_in_one_step(registry: Registry, was_global: bool) -> None:
    await registry.save(job(is_global=was_global), unit_file(is_global=was_global), seen=None)
    async with registry.follow(Everything()) as view:
        before = view.picture
        other, content = job(is_global=not was_global), unit_file(is_global=not was_global)
        revision = await registry.save(other, content, seen=await registry.job(A))
        after = await view.reached(revision)
    assert before.jobs == {A: job(is_global=was_global)}
    assert after.jobs == {A: job(is_global=not was_global)}
    assert after.jobs[A].version == revision


async def test_a_move_that_lost_a_race_conflicts(registry: Registry) -> None:
    await registry.save(job(), unit_file(), seen=None)
    first = await registry.job(A)
    await registry.save(job(is_global=True), unit_file(is_global=True), seen=first)
    with pytest.raises(Conflict):
        await registry.save(job(state=LOADED), None, seen=first)
    with pytest.raises(Conflict):
        await registry.save(job(is_global=True), unit_file(is_global=True), seen=first)
    assert await registry.job(A) == job(is_global=True)


async def test_what_was_seen_in_a_view_is_good_enough_to_change_it(registry: Registry) -> None:
    async with registry.follow(Everything()) as view:
        picture = await view.reached(await registry.save(job(), unit_file(), seen=None))
        found = picture.jobs[A]
        await registry.save(replace(found, desired=LOADED), None, seen=found)
        assert (await view.fresh()).jobs[A].desired is LOADED


async def test_an_unknown_content_is_none(registry: Registry) -> None:
    assert await registry.unit_file(unit_file().hash) is None


async def test_every_view_of_everything_holds_the_contents(registry: Registry) -> None:
    async with registry.follow(Everything()) as view:
        await registry.save(job(state=LAUNCHED), unit_file(), seen=None)
        assert (await view.fresh()).files == {unit_file().hash: unit_file()}
