"""The contract for what no fleet wrote, and for metadata: one bad record harms nobody else."""

from __future__ import annotations

import logging

import pytest

from registry.port import Everything, OneMachine, Registry
from tests.registry.builders import M1, A, job, machine, unit_file
from tests.registry.world import World, delete, put

BROKEN = {
    "job/a.service": b"{",
    "job/b.service": b'{"hash":1,"desired":"launched"}',
    "job/c.service": b'{"hash":"x","desired":"flying"}',
    "job/..": b'{"hash":"x","desired":"launched"}',
    "global/g.service": b"\xff\xfe",
    "unit/0123": b"[Unit]\n",
    f"schedule/{M1}/a.service": b"[]",
    f"offer/{M1}/a.service": b'{"id":"o1"}',
    f"bid/a.service/{M1}": b'{"offer":"o1","price":NaN}',
    f"machine/{M1}": b'{"id":"another"}',
    f"metadata/{M1}/zone": b"\xff",
    f"state/{M1}/a.service": b'{"hash":"x","load":"loaded","active":"active","sub":"running","launched":1}',
    "leader": b'{"machine":"m","version":true}',
}


OTHER_KEYS = pytest.mark.not_in_layout("hold these keys: its own are in test_etcd2_broken.py")


@OTHER_KEYS
@pytest.mark.parametrize("key", BROKEN)
async def test_a_broken_record_is_listed_and_the_others_are_read(
    world: World, registry: Registry, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    await put(world, key, BROKEN[key])
    await registry.save(job("good.service"), unit_file(), seen=None)
    with caplog.at_level(logging.WARNING):
        async with registry.follow(Everything()) as view:
            picture = await view.fresh()
            await view.fresh()
    assert set(picture.broken) == {world.keys.prefix + key}
    assert set(picture.jobs) == {"good.service"}
    assert [r.getMessage() for r in caplog.records].count(
        f"ignored: {world.keys.prefix + key} {picture.broken[world.keys.prefix + key]}"
    ) == 1


@OTHER_KEYS
async def test_a_record_that_breaks_is_gone_and_comes_back_when_mended(
    world: World, registry: Registry
) -> None:
    await registry.save(job(), unit_file(), seen=None)
    async with registry.follow(Everything()) as view:
        await put(world, f"job/{A}", b"?")
        picture = await view.fresh()
        assert picture.jobs == {}
        assert "no JSON" in picture.broken[world.keys.prefix + f"job/{A}"]
        assert await registry.job(A) is None
        await put(world, f"job/{A}", b'{"desired":"launched","hash":"%s"}' % unit_file().hash.encode())
        picture = await view.fresh()
        assert (picture.jobs, picture.broken) == ({A: job()}, {})
        await put(world, f"job/{A}", b"?")
        await delete(world, f"job/{A}")
        assert (await view.fresh()).broken == {}


@OTHER_KEYS
@pytest.mark.parametrize("kind", ["job", "global"])
async def test_a_job_that_cannot_be_read_is_cleared_away_and_another_is_not(
    world: World, registry: Registry, kind: str
) -> None:
    await registry.save(job("good.service"), unit_file(), seen=None)
    await put(world, f"{kind}/{A}", b"?")
    assert [await registry.clear(name) for name in (A, A, "good.service")] == [True, False, False]
    async with registry.follow(Everything()) as view:
        assert view.picture.broken == {}
        assert set(view.picture.jobs) == {"good.service"}


async def test_a_content_that_is_not_what_its_hash_says_is_not_given_out(
    world: World, registry: Registry
) -> None:
    await put(world, f"unit/{unit_file().hash}", b"[Service]\nExecStart=/bin/evil\n")
    assert await registry.unit_file(unit_file().hash) is None


@OTHER_KEYS
async def test_words_of_a_later_fleet_are_left_alone(world: World, registry: Registry) -> None:
    await put(world, "cordon/xyz", b"?")
    await put(world, "job/a.service/later", b"?")
    await put(world, f"job/{A}", b'{"desired":"loaded","hash":"x","later":1}')
    async with registry.follow(Everything()) as view:
        assert view.picture.broken == {}
        assert set(view.picture.jobs) == {A}


async def test_dynamic_metadata_win_and_an_empty_one_hides(registry: Registry) -> None:
    async with (
        registry.join(machine(zone="configured", disk="ssd"), ttl=10) as session,
        registry.follow(Everything()) as everything,
        registry.follow(OneMachine(M1)) as own,
    ):
        await registry.set_metadata(M1, {"zone": "dynamic", "disk": "", "rack/row": "7=8"})
        for view in (everything, own):
            metadata = (await view.fresh()).machines[M1].metadata
            assert dict(metadata) == {"zone": "dynamic", "rack/row": "7=8"}
        await session.renew(machine(zone="changed", size="xl"))
        metadata = (await everything.fresh()).machines[M1].metadata
        assert dict(metadata) == {"zone": "dynamic", "rack/row": "7=8", "size": "xl"}


async def test_metadata_can_be_set_before_the_machine_is_there(registry: Registry) -> None:
    revision = await registry.set_metadata(M1, {"zone": "z"})
    async with registry.follow(Everything()) as view:
        assert (await view.reached(revision)).machines == {}
        async with registry.join(machine(), ttl=10):
            assert dict((await view.fresh()).machines[M1].metadata) == {"zone": "z"}


async def test_setting_no_metadata_returns_a_revision(registry: Registry) -> None:
    async with registry.follow(Everything()) as view:
        await view.reached(await registry.set_metadata(M1, {}))
