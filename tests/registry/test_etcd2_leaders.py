"""Who leads where engines of fleet 1.0 and ours share a cluster."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from registry.errors import Deposed, Lost
from registry.port import Displace, Everything, Place, Registry
from tests.registry.builders import (
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
from tests.registry.layout_world import Etcd2
from tests.registry.veterans import VeteranEngine
from tests.registry.waiting import until
from tests.registry.world import soon

OLD1, OLD2 = "a" * 32, "b" * 32


async def test_ours_accepts_their_leader_and_leads_when_it_is_gone(raw: Etcd2, ours: Registry) -> None:
    old = VeteranEngine(raw, OLD1)
    assert await old.engine_pass()
    campaign = ours.campaign(leader(M1), ttl=10)
    waiting = asyncio.ensure_future(campaign.__aenter__())
    for _ in range(3):
        await asyncio.sleep(0.05)
        assert await old.engine_pass(), "nobody challenges it"
    assert not waiting.done()
    await old.release()
    await soon(waiting)
    assert await raw.value("lease/engine-leader") == f'{{"MachineID":"{M1}","Version":1}}'
    assert await raw.value("engine/version") == "1"
    assert not await old.engine_pass(), "it accepts ours"
    await (await waiting).resign()
    assert await old.engine_pass()
    await campaign.__aexit__(None, None, None)


async def test_a_leader_of_a_lower_version_is_deposed_and_waited_for(raw: Etcd2, ours: Registry) -> None:
    await raw.put("lease/engine-leader", OLD1, ttl=2)
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with ours.campaign(leader(M1), ttl=10) as leadership:
        assert loop.time() - began > 0.9, "its lease was waited for"
        await leadership.commit([])
        assert await raw.value("lease/engine-leader") == f'{{"MachineID":"{M1}","Version":1}}'


async def test_ours_is_deposed_when_a_later_version_steals_the_lease(raw: Etcd2, ours: Registry) -> None:
    async with ours.campaign(leader(M1), ttl=10) as leadership:
        node = await raw.node("lease/engine-leader")
        assert node is not None
        stolen = f'{{"MachineID":"{OLD1}","Version":2}}'
        await raw.put("lease/engine-leader", stolen, ttl=10, prevIndex=node["modifiedIndex"])
        with pytest.raises(Deposed):
            await leadership.commit([Place(entry())])
        await soon(leadership.wait_lost())
        with suppress(Exception):
            await leadership.resign()
        assert await raw.value("lease/engine-leader") == stolen
        assert await raw.value(f"job/{A}/target") is None


@pytest.mark.parametrize("version", ["2", "nonsense"])
async def test_engines_of_ours_do_nothing_beyond_their_version(
    raw: Etcd2, ours: Registry, version: str
) -> None:
    await raw.put("engine/version", version)
    campaign = ours.campaign(leader(M1), ttl=10)
    waiting = asyncio.ensure_future(campaign.__aenter__())
    await asyncio.sleep(0.3)
    assert not waiting.done()
    assert await raw.dump() == {"engine/version": version}
    await raw.put("engine/version", "1")
    await soon(waiting)
    await campaign.__aexit__(None, None, None)


@pytest.mark.parametrize("version", ["2", "nonsense"])
async def test_a_leader_of_ours_stands_down_when_the_clusters_version_leaves_its_own(
    raw: Etcd2, ours: Registry, version: str
) -> None:
    async with ours.campaign(leader(M1), ttl=10) as leadership:
        await raw.put("engine/version", version)
        await soon(leadership.wait_lost())
        with pytest.raises(Deposed):
            await leadership.commit([Place(entry())])
        await leadership.resign()
    assert await raw.dump() == {"engine/version": version}


async def test_a_lower_version_is_raised_while_ours_leads(raw: Etcd2, ours: Registry) -> None:
    async with ours.campaign(leader(M1), ttl=10) as leadership, ours.follow(Everything()) as view:
        for lower in ("0", None):
            if lower is None:
                await raw.delete("engine/version")
            else:
                await raw.put("engine/version", lower)
            await until(lambda: _is_version(raw, "1"))
        await view.fresh()
        await leadership.commit([])


async def _is_version(raw: Etcd2, version: str) -> bool:
    return await raw.value("engine/version") == version


async def test_a_target_is_never_overwritten_nor_taken_from_another(raw: Etcd2, ours: Registry) -> None:
    await ours.save(job(), unit_file(), seen=None)
    await raw.put(f"job/{A}/target", OLD1)
    async with ours.campaign(leader(M1), ttl=10) as leadership:
        await leadership.commit([Displace(M1, A), Place(entry(machine=M2))])
        assert await raw.value(f"job/{A}/target") == OLD1


MANY = 400


async def test_a_commit_that_goes_on_for_long_stops_when_the_lead_is_lost(raw: Etcd2, ours: Registry) -> None:
    async with ours.campaign(leader(M1), ttl=30) as leadership:
        committing = asyncio.ensure_future(
            leadership.commit([Place(entry(f"u{n}.service")) for n in range(MANY)])
        )
        await until(lambda: raw.node("job"))
        stolen = await raw.put("lease/engine-leader", f'{{"MachineID":"{OLD1}","Version":1}}', ttl=30)
        with pytest.raises(Deposed):
            await soon(committing)
        targets = [node for job in (await raw.node("job") or {})["nodes"] for node in job["nodes"]]
        late = [node for node in targets if node["createdIndex"] > stolen["node"]["modifiedIndex"]]
        assert len(late) < MANY / 4, "those that were under way"


async def test_a_report_that_goes_on_for_long_stops_when_the_host_is_no_longer_present(
    raw: Etcd2, ours: Registry
) -> None:
    async with ours.join(machine(M1), ttl=30) as session:
        words = [report(f"u{n}.service", M1) for n in range(MANY)]
        reporting = asyncio.ensure_future(session.report(words, []))
        await until(lambda: raw.node("states"))
        gone = await raw.delete(f"machines/{M1}/object")
        with pytest.raises(Lost):
            await soon(reporting)
        states = [node for unit in (await raw.node("states") or {})["nodes"] for node in unit["nodes"]]
        late = [node for node in states if node["createdIndex"] > gone["node"]["modifiedIndex"]]
        assert len(late) < MANY / 4, "those that were under way"
