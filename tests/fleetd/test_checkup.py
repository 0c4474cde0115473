"""What is found wrong with a cluster, and how it is told."""

from dataclasses import replace
from typing import Any

import pytest

from registry.checkup import Finding, Seen, findings
from registry.health import Health
from registry.records import Job, Leader, Picture, Report, ScheduleEntry
from tests.fleetd.world import Client, World
from units.file import UnitFile
from units.machine import Machine
from units.state import TargetState

NOW = 1_700_000_000.0
FILE = UnitFile.from_text("[Service]\nExecStart=/bin/true\n")
SOUND = Picture(
    7,
    jobs={"a.service": Job("a.service", FILE.hash, TargetState.LAUNCHED)},
    files={FILE.hash: FILE},
    machines={"m1": Machine("m1", "", {}, "2.0.0"), "m2": Machine("m2", "", {}, "2.0.0")},
    leader=Leader("m1"),
)


def entry(machine: str, name: str = "a.service") -> ScheduleEntry:
    return ScheduleEntry(machine, name, FILE.hash, TargetState.LAUNCHED)


def said_at(since: float) -> Report:
    return Report("m1", "a.service", FILE.hash, "loaded", "active", "running", True, since)


ILL: dict[str, tuple[dict[str, Any], str, str]] = {
    "a record that cannot be read": (
        {"broken": {"/f/job/x.service": "is no JSON"}},
        "record /f/job/x.service",
        "is no JSON",
    ),
    "nobody leads": ({"leader": None}, "engine", "nobody leads"),
    "a leader that is not present": ({"leader": Leader("m9")}, "engine of m9", "not present"),
    "a content that is missing": ({"files": {}}, "unit a.service", "content"),
    "a unit in two places": (
        {"schedule": {"a.service": {"m2": entry("m2"), "m1": entry("m1")}}},
        "unit a.service",
        "2 machines: m1, m2",
    ),
    "a unit of a machine that is gone": (
        {"schedule": {"a.service": {"m9": entry("m9")}}},
        "machine m9",
        "1 units: a.service",
    ),
    "two versions": (
        {"machines": {**SOUND.machines, "m2": Machine("m2", "", {}, "1.0.0")}},
        "versions",
        "1.0.0: m2; 2.0.0: m1",
    ),
    "a clock that is ahead": (
        {"reports": {"a.service": {"m1": said_at(NOW + 60)}}},
        "machine m1",
        "ahead of this host's by 60 s",
    ),
}


@pytest.mark.parametrize(("change", "about", "said"), ILL.values(), ids=ILL)
def test_it_is_found_and_only_it(change: dict[str, Any], about: str, said: str) -> None:
    (found,) = findings(Seen(replace(SOUND, **change), (), NOW))
    assert found.about == about
    assert said in found.said
    assert found.advice


def test_a_server_that_cannot_be_used_is_found_with_the_cause() -> None:
    servers = [Health("http://a:1", "", 0.01), Health("http://b:2", "etcd at b:2: Connection refused", 1.0)]
    (found,) = findings(Seen(SOUND, servers, NOW))
    assert isinstance(found, Finding)
    assert (found.about, "Connection refused" in found.said) == ("etcd server http://b:2", True)


WELL: dict[str, dict[str, Any]] = {
    "a sound cluster": {},
    "a global unit on two machines": {
        "jobs": {"a.service": Job("a.service", FILE.hash, TargetState.LAUNCHED, is_global=True)},
        "schedule": {"a.service": {"m2": entry("m2"), "m1": entry("m1")}},
    },
    "a clock that is a little ahead": {"reports": {"a.service": {"m1": said_at(NOW + 1)}}},
}


@pytest.mark.parametrize("change", WELL.values(), ids=WELL)
def test_nothing_is_found(change: dict[str, Any]) -> None:
    assert findings(Seen(replace(SOUND, **change), [Health("http://a:1", "", 0.01)], NOW)) == ()


async def test_the_api_tells_what_it_has_found(cluster: World, api: Client) -> None:
    cluster.store.put("job/x.service", b"?")
    await cluster.machine("m1")
    reply = await api.get("/fleet/v1/doctor")
    assert (reply.status, reply.json["machines"], reply.json["units"]) == (200, 1, 0)
    assert [found["about"] for found in reply.json["findings"]] == [
        "record /_coreos.com/fleet/job/x.service",
        "engine",
    ]


async def test_dynamic_metadata_are_told_apart_from_configured_ones(cluster: World, api: Client) -> None:
    await cluster.machine("m1", metadata={"zone": "configured", "disk": "ssd"})
    await cluster.registry.set_metadata("m1", {"zone": "dynamic", "disk": ""})
    await cluster.registry.set_metadata("m2", {"of": "a machine that is away"})
    reply = await api.get("/fleet/v1/metadata")
    assert reply.json["metadata"] == [
        {"machineID": "m1", "key": "disk", "value": ""},
        {"machineID": "m1", "key": "zone", "value": "dynamic"},
        {"machineID": "m2", "key": "of", "value": "a machine that is away"},
    ]
