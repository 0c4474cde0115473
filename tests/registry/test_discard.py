"""The contract for contents that nothing names: they go, but never from under a unit."""

from __future__ import annotations

import asyncio

import pytest

from registry.errors import Deposed
from registry.port import Discard, Everything, Registry
from tests.registry.builders import M1, A, job, leader, unit_file
from tests.registry.world import World, delete

pytestmark = pytest.mark.not_in_layout("remove contents: daemons of 1.0 count on them")


async def left_behind(registry: Registry) -> int:
    """Leave a content that nothing names; returns a revision after that."""
    await registry.save(job(), unit_file(), seen=None)
    stored = await registry.job(A)
    assert stored is not None
    return await registry.destroy(stored)


async def test_a_content_that_nothing_names_is_removed(registry: Registry) -> None:
    revision = await left_behind(registry)
    async with registry.follow(Everything()) as view, registry.campaign(leader(M1), ttl=10) as leadership:
        assert unit_file().hash in (await view.fresh()).files
        await leadership.commit([Discard(unit_file().hash, revision), Discard("0" * 40, revision)])
        assert (await view.fresh()).files == {}


async def test_a_content_that_was_stored_again_meanwhile_stays(registry: Registry) -> None:
    revision = await left_behind(registry)
    await registry.save(job(), unit_file(), seen=None)
    async with registry.follow(Everything()) as view, registry.campaign(leader(M1), ttl=10) as leadership:
        await leadership.commit([Discard(unit_file().hash, revision)])
        assert unit_file().hash in (await view.fresh()).files


async def test_of_many_who_store_and_remove_at_once_every_unit_keeps_its_content(world: World) -> None:
    registry, other = world.connect(), world.connect()
    files = [unit_file(f"/bin/echo {n}") for n in range(5)]

    async def come_and_go(n: int) -> None:
        name = f"u{n}.service"
        for file in [*files, *files]:
            await other.save(job(name, file=file), file, seen=await other.job(name))
            if (stored := await other.job(name)) is not None and file is files[n]:
                await other.destroy(stored)

    async with registry.follow(Everything()) as view, registry.campaign(leader(M1), ttl=10) as leadership:
        busy = asyncio.gather(*(come_and_go(n) for n in range(5)))
        while not busy.done():
            picture = view.picture
            named = {each.hash for each in picture.jobs.values()}
            unnamed = [Discard(hash, picture.revision) for hash in picture.files if hash not in named]
            await leadership.commit(unnamed)
            picture = await view.fresh()
            assert {each.hash for each in picture.jobs.values()} <= picture.files.keys()
        await busy


async def test_only_the_leader_removes_contents(world: World) -> None:
    registry = world.connect()
    revision = await left_behind(registry)
    async with registry.campaign(leader(M1), ttl=10) as leadership, registry.follow(Everything()) as view:
        await delete(world, "leader")
        with pytest.raises(Deposed):
            await leadership.commit([Discard(unit_file().hash, revision)])
        assert unit_file().hash in (await view.fresh()).files
