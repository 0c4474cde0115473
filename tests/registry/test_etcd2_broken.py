"""Bad and odd data in the layout of fleet 1.0 (etcd2-layout.md §5): flagged, and nobody else is harmed."""

from __future__ import annotations

import json

import pytest

from registry.errors import Conflict, Refused
from registry.port import Everything, OneMachine, Registry
from registry.records import Leader, ScheduleEntry
from tests.registry.builders import INACTIVE, LAUNCHED, M1, M2, A, job, machine, unit_file
from tests.registry.layout_world import Etcd2
from tests.registry.world import seen

OBJECT = json.dumps({"Name": A, "UnitHash": list(bytes.fromhex(unit_file().hash))})


BROKEN: dict[str, tuple[dict[str, str], str, str]] = {
    "an object that is no JSON": ({f"job/{A}/object": "{"}, f"job/{A}", "object is no JSON"),
    "an object of another unit": (
        {f"job/{A}/object": OBJECT.replace(A, "b.service")},
        f"job/{A}",
        "object holds the unit 'b.service'",
    ),
    "a hash that is no list of bytes": (
        {f"job/{A}/object": f'{{"Name":"{A}","UnitHash":"x"}}'},
        f"job/{A}",
        "'UnitHash' is no list of bytes",
    ),
    "a hash of numbers too large": (
        {f"job/{A}/object": f'{{"Name":"{A}","UnitHash":[256]}}'},
        f"job/{A}",
        "'UnitHash' is no list of bytes",
    ),
    "a state that is none": (
        {f"job/{A}/target-state": "bogus"},
        f"job/{A}",
        'target-state: invalid value "bogus" for JobState',
    ),
    "a content that is not there": (
        {f"job/{A}/object": f'{{"Name":"{A}","UnitHash":[1,2]}}'},
        f"job/{A}",
        f"names the content 0102{'0' * 36}, which cannot be read",
    ),
    "a content that is no JSON": ({"unit/0123": "[Unit]"}, "unit/0123", "is no JSON"),
    "a content with another hash": (
        {"unit/0123": '{"Raw":"[Service]\\nExecStart=/bin/true\\n"}'},
        "unit/0123",
        "another hash",
    ),
    "a machine that is no JSON": ({f"machines/{M2}/object": "x"}, f"machines/{M2}/object", "is no JSON"),
    "a machine that is another one": (
        {f"machines/{M2}/object": f'{{"ID":"{M1}"}}'},
        f"machines/{M2}/object",
        f"holds the machine '{M1}'",
    ),
    "metadata that are no text": (
        {f"machines/{M2}/object": f'{{"ID":"{M2}","Metadata":{{"a":1}}}}'},
        f"machines/{M2}/object",
        "'metadata' is no object of texts",
    ),
    "a state of systemd that is no JSON": ({f"states/{A}/{M1}": "?"}, f"states/{A}/{M1}", "is no JSON"),
    "an offer that is none": ({f"offer/{M1}/{A}": '{"lease":0}'}, f"offer/{M1}/{A}", "'id'"),
}


@pytest.mark.parametrize("what", BROKEN)
async def test_a_broken_record_is_flagged_and_the_others_are_read(
    raw: Etcd2, ours: Registry, what: str
) -> None:
    writes, key, fault = BROKEN[what]
    async with ours.join(machine(), ttl=30), ours.follow(Everything()) as view:
        await ours.save(job(), unit_file(), seen=None)
        await ours.save(job("good.service"), unit_file(), seen=None)
        for path, value in writes.items():
            await raw.put(path, value)
        picture = await view.fresh()
        assert list(picture.broken) == [f"/{raw.prefix}/{key}"]
        assert fault in picture.broken[f"/{raw.prefix}/{key}"]
        assert "good.service" in picture.jobs
        assert list(picture.machines) == [M1]
        async with ours.follow(Everything()) as anew:
            assert anew.picture == picture


@pytest.mark.parametrize("what", [what for what in BROKEN if what.startswith(("an object", "a state that"))])
async def test_a_unit_that_cannot_be_read_is_nobodys_to_touch(raw: Etcd2, ours: Registry, what: str) -> None:
    """The agent leaves alone what is flagged under a unit's name; the engine has nothing to decide about."""
    await ours.save(job(), unit_file(), seen=None)
    await raw.put(f"job/{A}/target", M1)
    async with ours.follow(OneMachine(M1)) as agents, ours.follow(Everything()) as engines:
        assert A in (await agents.fresh()).schedule
        for path, value in BROKEN[what][0].items():
            await raw.put(path, value)
        for view in (agents, engines):
            picture = await view.fresh()
            assert picture.schedule == {}
            assert [key.rpartition("/")[2] for key in picture.broken] == [A]


async def test_a_unit_that_cannot_be_read_is_mended_by_storing_it_again(raw: Etcd2, ours: Registry) -> None:
    await ours.save(job(), unit_file(), seen=None)
    await raw.put(f"job/{A}/target-state", "bogus")
    await raw.put(f"unit/{unit_file().hash}", "?")
    assert await ours.job(A) is None
    await ours.save(job(), unit_file(), seen=None)
    async with ours.follow(Everything()) as view:
        assert (view.picture.jobs, view.picture.broken) == ({A: job()}, {})
    with pytest.raises(Conflict):
        await ours.save(job(), unit_file(), seen=None)


async def test_a_mended_record_is_flagged_no_longer(raw: Etcd2, ours: Registry) -> None:
    async with ours.follow(Everything()) as view:
        await ours.save(job(), unit_file(), seen=None)
        await raw.put(f"job/{A}/target-state", "bogus")
        assert (await view.fresh()).broken
        await raw.put(f"job/{A}/target-state", "launched")
        picture = await view.fresh()
        assert (picture.jobs, picture.broken) == ({A: job()}, {})
        await raw.put(f"job/{A}/target-state", "bogus")
        await raw.delete(f"job/{A}", recursive=True)
        assert (await view.fresh()).broken == {}


async def test_odd_data_are_read_as_the_original_reads_them(raw: Etcd2, ours: Registry) -> None:
    file = unit_file()
    await raw.put(f"unit/{file.hash}", json.dumps({"raw": file.text, "Later": 1}))
    await raw.put(f"job/{A}/OBJECT-of-a-later-version", "?")
    await raw.put(f"job/{A}/object", OBJECT.replace("UnitHash", "unithash").replace("}", ',"More":null}'))
    await raw.put(f"job/{A}/target-state", "launched")
    await raw.put(f"machines/{M1}/object", f'{{"ID":"{M1}","Metadata":null,"TotalResources":{{"Cores":1}}}}')
    await raw.put(f"machines/{M2}/metadata/zone", "z")
    await raw.put("machines/empty/object", '{"ID":""}')
    await raw.put(f"states/{A}/{M1}", '{"activeState":"active","machineState":null}')
    await raw.put(f"states/b.service/{M2}", '{"activeState":"active"}')
    await raw.put("lease/engine-leader", M2)
    await raw.put("something/else", "?")
    async with ours.follow(Everything()) as view:
        picture = view.picture
    assert picture.broken == {}
    assert picture.jobs == {A: job()}
    assert list(picture.machines) == [M1]
    assert picture.machines[M1].capabilities == frozenset()
    assert picture.leader == Leader(M2, 0)
    assert picture.reports[A][M1].active == "active"
    assert set(picture.reports) == {A}, "what a machine says counts while it is present"


async def test_empty_directories_are_nothing(raw: Etcd2, ours: Registry) -> None:
    for path in (f"job/{A}/x", f"states/{A}/x", f"machines/{M1}/metadata/x", "lease/x", "unit/x"):
        await raw.put(path, "?")
        await raw.delete(path)
    async with ours.follow(Everything()) as view:
        picture = view.picture
        assert (picture.jobs, picture.broken, picture.machines) == ({}, {}, {})
        await ours.save(job(), unit_file(), seen=None)
        assert (await view.fresh()).jobs == {A: job()}


async def test_a_target_without_a_unit_is_an_entry_for_nothing(raw: Etcd2, ours: Registry) -> None:
    await raw.put(f"job/{A}/target", M1)
    async with ours.follow(OneMachine(M1)) as view:
        assert view.picture.schedule == {A: {M1: ScheduleEntry(M1, A, "", INACTIVE)}}


async def test_whole_directories_may_go(raw: Etcd2, ours: Registry) -> None:
    async with ours.follow(Everything()) as view:
        for name in (A, "b.service"):
            await ours.save(job(name), unit_file(), seen=None)
        assert len((await view.fresh()).jobs) == 2
        await raw.delete("job", recursive=True)
        assert (await view.fresh()).jobs == {}
        await ours.save(job(), unit_file(), seen=None)
        await raw.delete("", recursive=True)
        picture = await seen(view, lambda p: not p.jobs)
        assert picture.files == {}


@pytest.mark.parametrize("name", ["_hidden.service"])
async def test_a_unit_that_etcd_would_hide_is_refused_with_the_reason(ours: Registry, name: str) -> None:
    with pytest.raises(Refused, match="underscore"):
        await ours.save(job(name), unit_file(), seen=None)


@pytest.mark.parametrize("id", ["..", "."])
async def test_a_key_that_would_leave_its_directory_is_refused(ours: Registry, id: str) -> None:
    with pytest.raises(Refused, match="cannot be a part"):
        await ours.set_metadata(id, {"zone": "z"})


@pytest.mark.parametrize("key", ["object", "target-state"])
async def test_a_unit_that_cannot_be_read_is_cleared_away_with_all_its_keys(
    ours: Registry, raw: Etcd2, key: str
) -> None:
    await ours.save(job("good.service"), unit_file(), seen=None)
    await ours.save(job(), unit_file(), seen=None)
    await raw.put(f"job/{A}/{key}", "bogus")
    await raw.put(f"job/{A}/target", M1)
    assert [await ours.clear(name) for name in (A, A, "good.service")] == [True, False, False]
    left = await raw.dump()
    assert not any(path.startswith(f"job/{A}") for path in left)
    assert "job/good.service/object" in left


@pytest.mark.parametrize("name", [r"dev-disk-by\x2duuid.mount", "a@b:c.service", "getty@.service"])
async def test_names_with_strange_characters_come_back(ours: Registry, raw: Etcd2, name: str) -> None:
    async with ours.follow(Everything()) as view:
        await ours.save(job(name), unit_file(), seen=None)
        assert set((await view.fresh()).jobs) == {name}
    found = await ours.job(name)
    assert found is not None
    assert found.desired is LAUNCHED
    assert f"job/{name}/object" in await raw.dump()
    await ours.destroy(found)
    assert set(await raw.dump()) == {f"unit/{unit_file().hash}"}
