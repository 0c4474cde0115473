"""Daemons of fleet 1.0 and ours in one cluster. Those of 1.0 are scripted: see `veterans`."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace

import pytest

from agent.loop import Agent
from engine.loop import run as run_engine
from registry.port import Everything, Registry
from tests.agent.scripted import Machine as ScriptedMachine
from tests.agent.scripted import ScriptedHost
from tests.registry.builders import (
    INACTIVE,
    LOADED,
    M1,
    M2,
    A,
    job,
    machine,
    report,
    unit_file,
)
from tests.registry.layout_world import Etcd2, LayoutWorld
from tests.registry.veterans import Veteran, VeteranEngine, current_state, jobs_of, machines_of, submit
from tests.registry.waiting import running, until
from tests.registry.world import seen
from units.machine import Machine

OLD1, OLD2 = "a" * 32, "b" * 32


async def test_both_see_each_others_machines(raw: Etcd2, ours: Registry) -> None:
    await Veteran(raw, OLD1, ip="198.18.1.1", host="h1").register()
    await raw.put(f"machines/{OLD1}/metadata/disk", "ssd")
    async with ours.follow(Everything()) as view, ours.join(machine(zone="z"), ttl=30):
        picture = await view.fresh()
        assert picture.machines[OLD1] == Machine(
            OLD1, "198.18.1.1", {"host": "h1", "disk": "ssd"}, "1.0.0", frozenset()
        )
        assert not picture.machines[OLD1].bids
        theirs = (await machines_of(raw))[M1]
        assert theirs == {
            "ID": M1,
            "PublicIP": "198.18.0.1",
            "Metadata": {"zone": "z"},
            "Capabilities": {"DISABLE_ENGINE": False, "GRPC": False, "bids": True},
            "Version": "2.0.0",
        }
        node = await raw.node(f"machines/{M1}/object")
        assert node is not None
        assert 0 < node["ttl"] <= 30


async def test_a_unit_that_was_submitted_to_theirs_is_a_unit_of_ours(raw: Etcd2, ours: Registry) -> None:
    file = unit_file()
    await submit(raw, A, file.text, file.hash, "launched")
    assert await ours.job(A) == job()
    assert await ours.unit_file(file.hash) == file
    async with ours.follow(Everything()) as view:
        assert view.picture.jobs == {A: job()}


async def test_a_unit_that_was_submitted_to_ours_is_a_unit_of_theirs(raw: Etcd2, ours: Registry) -> None:
    file = unit_file("/bin/sh -c 'a && b > c'")
    await ours.save(job(file=file), file, seen=None)
    numbers = ",".join(map(str, bytes.fromhex(file.hash)))
    assert await raw.dump() == {
        f"unit/{file.hash}": '{"Raw":"[Service]\\nExecStart=/bin/sh -c \'a \\u0026\\u0026 b \\u003e c\'\\n"}',
        f"job/{A}/object": f'{{"Name":"{A}","UnitHash":[{numbers}]}}',
        f"job/{A}/target-state": "launched",
    }
    found = await ours.job(A)
    assert found is not None
    await ours.save(job(file=file, state=INACTIVE), None, seen=found)
    assert await raw.value(f"job/{A}/target-state") == "inactive"


async def test_a_unit_that_was_destroyed_here_is_gone_there_with_its_directory(
    raw: Etcd2, ours: Registry
) -> None:
    await ours.save(job(), unit_file(), seen=None)
    await raw.put(f"job/{A}/target", OLD1)
    await raw.put(f"job/{A}/job-state", OLD1, ttl=30)
    found = await ours.job(A)
    assert found is not None
    await ours.destroy(found)
    assert await raw.node(f"job/{A}") is None


async def test_what_theirs_says_of_a_unit_is_read_here(raw: Etcd2, ours: Registry) -> None:
    await ours.save(job(), unit_file(), seen=None)
    old = Veteran(raw, OLD1)
    await old.register()
    await raw.put(f"job/{A}/target", OLD1, prevExist=False)
    async with ours.follow(Everything()) as view:
        await old.agent_pass()
        picture = await view.fresh()
        (said,) = picture.reports[A].values()
        assert (said.machine, said.load, said.active, said.sub) == (OLD1, "loaded", "active", "running")
        assert said.launched
        assert said.hash == unit_file().hash
        await raw.put(f"job/{A}/target-state", "loaded")
        await old.agent_pass()
        assert not (await view.fresh()).reports[A][OLD1].launched


async def test_what_ours_says_of_a_unit_is_read_there(raw: Etcd2, ours: Registry) -> None:
    await ours.save(job(), unit_file(), seen=None)
    await raw.put(f"job/{A}/target", M1)
    async with ours.follow(Everything()) as view, ours.join(machine(), ttl=30) as session:
        await view.fresh()
        await session.report([report()], [])
        assert await current_state(raw, A) == "launched"
        said = json.loads(await raw.value(f"states/{A}/{M1}") or "")
        assert {key: said[key] for key in ("loadState", "activeState", "subState", "unitHash")} == {
            "loadState": "loaded",
            "activeState": "active",
            "subState": "running",
            "unitHash": unit_file().hash,
        }
        assert said["machineState"]["ID"] == M1
        assert await raw.value(f"state/{A}") == await raw.value(f"states/{A}/{M1}")
        node = await raw.node(f"job/{A}/job-state")
        assert node is not None
        assert 0 < node["ttl"] <= 30
        await session.report([], [A])
        left = await raw.dump()
        assert not any(path.startswith(("state/", "states/")) for path in left)
        assert f"job/{A}/job-state" not in left


async def test_a_host_touches_nothing_that_another_said(raw: Etcd2, ours: Registry) -> None:
    await ours.save(job(), unit_file(), seen=None)
    old = Veteran(raw, OLD1)
    await old.register()
    await raw.put(f"job/{A}/target", OLD1)
    async with ours.join(machine(), ttl=30) as session:
        await session.report([report(), report("destroyed.service")], [])
        left = await raw.dump()
        assert f"job/{A}/job-state" not in left, "the unit is another machine's"
        assert not any(path.startswith("job/destroyed") for path in left), "1.0 brought it back so"
        await old.agent_pass()
        await session.report([], [A])
        assert await current_state(raw, A) == "launched"
        await session.leave()
    assert await current_state(raw, A) == "launched"
    assert await raw.value(f"state/{A}") == await raw.value(f"states/{A}/{OLD1}")


async def test_what_a_veteran_deletes_of_ours_is_written_again(raw: Etcd2, ours: Registry) -> None:
    await ours.save(job(), unit_file(), seen=None)
    old = Veteran(raw, OLD1)
    await old.register()
    await raw.put(f"job/{A}/target", OLD1)
    await old.agent_pass()
    await raw.put(f"job/{A}/target", M1)
    async with ours.follow(Everything()) as view, ours.join(machine(), ttl=30) as session:
        await view.fresh()
        await session.report([report()], [])
        for _ in range(2):
            await raw.delete(f"job/{A}/job-state")
            await raw.delete(f"state/{A}")
            await raw.delete(f"states/{A}", recursive=True)
            await until(lambda: _is(raw, A, "launched"))


async def test_a_stop_is_said_once(raw: Etcd2, ours: Registry, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "registry")
    await ours.save(job(), unit_file(), seen=None)
    await raw.put(f"job/{A}/target", M1)
    async with ours.follow(Everything()) as view, ours.join(machine(), ttl=30) as session:
        await view.fresh()
        for launched in (True, False, True, False):
            await session.report([replace(report(), launched=launched)], [])
            said = await raw.node(f"states/{A}/{M1}")
            await view.fresh()
            await session.report([report("b.service")], [])
            assert await raw.node(f"states/{A}/{M1}") == said
    assert not [line for line in caplog.messages if "somebody has removed it" in line]


async def _is(raw: Etcd2, name: str, state: str) -> bool:
    return await current_state(raw, name) == state


async def test_what_ours_says_is_refreshed_before_it_ends(raw: Etcd2, ours: Registry) -> None:
    await ours.save(job(), unit_file(), seen=None)
    await raw.put(f"job/{A}/target", M1)
    async with ours.follow(Everything()) as view, ours.join(machine(), ttl=2) as session:
        await view.fresh()
        await session.report([report()], [])
        for _ in range(15):
            assert await current_state(raw, A) == "launched"
            await asyncio.sleep(0.25)


async def test_our_engine_places_on_veterans_directly(raw: Etcd2, layout: LayoutWorld) -> None:
    olds = [Veteran(raw, OLD1, disk="ssd"), Veteran(raw, OLD2)]
    for old in olds:
        await old.register()
    registry = layout.connect()
    for n in range(4):
        await registry.save(job(f"u{n}.service"), unit_file(), seen=None)
    async with running(run_engine(layout.connect(), M1, interval=2, grace=30)):
        await until(lambda: _all_placed(raw, 4))
        targets = sorted(job["target"] for job in (await jobs_of(raw)).values())
        assert targets == [OLD1, OLD1, OLD2, OLD2]
        for old in olds:
            await old.agent_pass()
        assert [await current_state(raw, f"u{n}.service") for n in range(4)] == ["launched"] * 4
        await olds[0].leave()
        await until(lambda: _all_on(raw, OLD2))
    assert not any(path.startswith(("offer/", "bid/")) for path in await raw.dump())


async def _all_placed(raw: Etcd2, count: int) -> bool:
    return sum("target" in job for job in (await jobs_of(raw)).values()) == count


async def _all_on(raw: Etcd2, id: str) -> bool:
    return all(job.get("target") == id for job in (await jobs_of(raw)).values())


async def test_our_agent_obeys_the_targets_of_their_engine(raw: Etcd2, layout: LayoutWorld) -> None:
    engine = VeteranEngine(raw, OLD1)
    registry = layout.connect()
    host = ScriptedMachine()
    async with registry.join(machine(), ttl=30) as session:
        agent = Agent(registry, ScriptedHost(host), M1)
        async with running(agent.run(session)):
            file = unit_file()
            await submit(raw, A, file.text, file.hash, "launched")
            assert await engine.engine_pass()
            await until(lambda: _is(raw, A, "launched"))
            assert host.active == {A: "active"}
            await raw.put(f"job/{A}/target-state", "loaded")
            await until(lambda: _is(raw, A, "loaded"))
            assert host.active == {}
            await raw.put(f"job/{A}/target-state", "inactive")
            assert await engine.engine_pass()
            await until(lambda: _is_unpublished(raw, A))
            assert host.files == {}


async def _is_unpublished(raw: Etcd2, name: str) -> bool:
    return await raw.node(f"states/{name}") is None


async def test_a_unit_moves_from_a_new_host_to_an_old_one(raw: Etcd2, layout: LayoutWorld) -> None:
    old = Veteran(raw, OLD1)
    registry = layout.connect()
    await registry.save(job(), unit_file(), seen=None)
    async with running(run_engine(layout.connect(), M2, interval=2, grace=30)):
        async with registry.join(machine(), ttl=30) as session:
            async with running(Agent(registry, ScriptedHost(ScriptedMachine()), M1).run(session)):
                await until(lambda: _is(raw, A, "launched"))
                assert (await jobs_of(raw))[A]["target"] == M1
                await old.register()
            await session.leave()
        await until(lambda: _all_on(raw, OLD1))
        await old.agent_pass()
    assert await current_state(raw, A) == "launched"


async def test_a_unit_appears_whole_though_it_is_written_in_parts(raw: Etcd2, ours: Registry) -> None:
    file = unit_file()
    async with ours.follow(Everything()) as view:
        numbers = list(bytes.fromhex(file.hash))
        await raw.put(f"unit/{file.hash}", json.dumps({"Raw": file.text}))
        await raw.put(f"job/{A}/object", json.dumps({"Name": A, "UnitHash": numbers}))
        half = await view.fresh()
        assert (half.jobs, half.broken) == ({}, {})
        await raw.put(f"job/{A}/target-state", "loaded")
        picture = await seen(view, lambda p: p.jobs)
        assert picture.jobs == {A: job(state=LOADED)}


async def test_a_target_without_a_unit_is_taken_away_by_our_engine(raw: Etcd2, layout: LayoutWorld) -> None:
    await raw.put(f"job/{A}/target", OLD1)
    async with running(run_engine(layout.connect(), M1, interval=2, grace=30)):
        await until(lambda: _is_gone(raw, f"job/{A}/target"))


async def _is_gone(raw: Etcd2, path: str) -> bool:
    return await raw.node(path) is None
