"""The command line on a real cluster: real daemons, real systemd, real reasons."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from tests.lab.cluster import SLEEP, Cluster, cluster, service

pytestmark = pytest.mark.lab


@pytest.fixture
async def fleet() -> AsyncIterator[Cluster]:
    async with cluster("fleetctl", hosts=2, per_host={"h1": {"metadata": '"disk=ssd"'}}) as fleet:
        yield fleet


async def test_reasons_forecasts_patterns_and_watching(fleet: Cluster) -> None:
    await start_what_nothing_can_host(fleet)
    await follow_changes(fleet)
    await why_and_plan(fleet)
    await act_on_many(fleet)


async def start_what_nothing_can_host(fleet: Cluster) -> None:
    ran = await fleet.start({"gpu.service": service("MachineMetadata=gpu=yes")}, check=False)
    assert ran.exit_code == 2, ran
    assert "unit gpu.service cannot be placed: " in ran.stderr
    why = await fleet.fleetctl("why", "gpu", check=False)
    assert why.exit_code == 2
    assert "MachineMetadata: rules out 2 of 2 machines (" in why.stdout
    again = await fleet.fleetctl("plan", "add", "gpu=yes")
    assert "gpu.service\tstart\t-" in again.stdout.expandtabs(1).replace(" ", "\t"), again.stdout
    await fleet.fleetctl("destroy", "gpu")


async def follow_changes(fleet: Cluster) -> None:
    watched = asyncio.create_task(
        fleet.hosts[1].run("timeout", "6", "fleetctl", "list-units", "-w", "-o", "json", check=False)
    )
    await asyncio.sleep(1)  # until it listens: what is measured is what comes after
    template = fleet.write({"web@.service": service("Conflicts=web@*.service")})
    await fleet.fleetctl("submit", *template)
    await fleet.fleetctl("start", "web@1", "web@2")
    shown = [json.loads(line) for line in (await watched).stdout.splitlines()]
    assert shown[0] == []
    assert sorted(one["unit"] for one in shown[-1] if one["active"] == "active") == [
        "web@1.service",
        "web@2.service",
    ]


async def why_and_plan(fleet: Cluster) -> None:
    third = await fleet.fleetctl("start", "web@3", check=False)
    assert third.exit_code == 2, third
    assert (
        "found conflict with locally-scheduled Unit([web@"
        in (await fleet.fleetctl("why", "web@3", check=False)).stdout
    )
    placed = await fleet.fleetctl("why", "web@1")
    assert "bid " in placed.stdout, placed.stdout
    assert "(won)" in placed.stdout, placed.stdout
    lost = await fleet.fleetctl("plan", "lose", fleet["h1"].machine_id[:8], check=False)
    assert lost.exit_code == 2
    assert " would have no place: " in lost.stdout
    stop = await fleet.fleetctl("plan", "stop", "web@1", "-o", "json")
    changes = json.loads(stop.stdout)["changes"]
    assert {one["name"] for one in changes} >= {"web@1.service"}


async def act_on_many(fleet: Cluster) -> None:
    here = fleet["h1"].machine_id
    listed = await fleet.fleetctl("list-units", "web@*", "--machine", here[:6], "--no-legend", "-o", "name")
    assert listed.stdout.count("\n") == 1
    status = await fleet.fleetctl("status", "-o", "json", "web@", check=False)
    assert len(json.loads(status.stdout)) == 3
    loud = "/bin/sh -c 'echo first; echo second; exec sleep infinity'"
    await fleet.start({"one.service": service(exec=loud), "two.service": SLEEP})
    (where,) = (await fleet.running("one.service"))["one.service"]
    journal = await fleet.fleetctl("journal", "on*", on=where)
    said = [line for line in journal.stdout.splitlines() if line.endswith(("first", "second"))]
    assert [line.split()[-1] for line in said] == ["first", "second"], journal
    assert all(line.startswith(f"one.service {fleet[where].machine_id[:8]}... | ") for line in said)
    gone = await fleet.fleetctl("destroy", "web@*")
    assert gone.stdout.count("Destroyed web@") == 3
    direct = await fleet.fleetctl(
        "--driver=etcd", f"--endpoint={fleet.lab.etcd.endpoints[0]}", "list-unit-files", "-o", "name"
    )
    assert "one.service" in direct.stdout
