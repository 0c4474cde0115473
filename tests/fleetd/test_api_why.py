"""Why a unit is where it is, and what would happen if."""

import pytest

from tests.fleetd.world import Client, World, fleet, option
from units.state import TargetState

SSD = "[Service]\nExecStart=/bin/sleep 1d\n[X-Fleet]\nMachineMetadata=disk=ssd\n"
LAUNCHED = TargetState.LAUNCHED


async def two_machines(cluster: World) -> None:
    await cluster.machine("m1", ip="10.0.0.1", metadata={"disk": "hdd"})
    await cluster.machine("m2", ip="10.0.0.2", metadata={"disk": "ssd"})


async def test_each_machine_has_its_objection_and_each_option_those_it_rules_out(
    cluster: World, api: Client
) -> None:
    await two_machines(cluster)
    await cluster.unit("a.service", SSD, LAUNCHED)
    why = (await api.get("/fleet/v1/units/a.service/why")).json
    assert why["machines"] == [
        {
            "id": "m1",
            "ip": "10.0.0.1",
            "option": "MachineMetadata",
            "objection": "local Machine metadata insufficient",
            "load": 0,
        },
        {"id": "m2", "ip": "10.0.0.2", "load": 0},
    ]
    assert why["constraints"] == [{"option": "MachineMetadata", "machines": ["m1"]}]
    assert why["waiting"] == "no engine has placed it yet; 1 of 2 machines could run it"


async def test_a_unit_that_has_a_place_waits_for_nothing(cluster: World, api: Client) -> None:
    await two_machines(cluster)
    await cluster.unit("a.service", SSD, LAUNCHED)
    await cluster.place("a.service", "m2")
    why = (await api.get("/fleet/v1/units/a.service/why")).json
    assert (why["machineID"], "waiting" in why) == ("m2", False)
    assert why["machines"][1] == {"id": "m2", "ip": "10.0.0.2", "scheduled": True, "load": 1}


async def test_nobody_asks_why_of_what_does_not_exist(api: Client) -> None:
    reply = await api.get("/fleet/v1/units/a.service/why")
    assert (reply.status, reply.message) == (404, "unit does not exist")


async def ask(api: Client, question: object) -> dict[str, object]:
    reply = await api.post("/fleet/v1/plan", question)
    assert reply.status == 200, reply.body
    answer: dict[str, object] = reply.json
    assert isinstance(answer.pop("revision"), int)
    return answer


async def test_a_plan_says_where_a_new_unit_would_run_and_writes_nothing(cluster: World, api: Client) -> None:
    await two_machines(cluster)
    before = cluster.store.dump()
    unit = {"name": "a.service", "options": [option(), *fleet(MachineMetadata="disk=ssd")]}
    assert await ask(api, {"start": [unit]}) == {"changes": [{"name": "a.service", "to": "m2"}]}
    assert cluster.store.dump() == before


async def test_a_plan_says_what_a_lost_machine_leaves_without_a_place(cluster: World, api: Client) -> None:
    await two_machines(cluster)
    await cluster.unit("a.service", SSD, LAUNCHED)
    await cluster.place("a.service", "m2")
    answer = await ask(api, {"lose": ["m2"]})
    assert answer["changes"] == [
        {"name": "a.service", "from": "m2", "reason": "target Machine(m2) went away"}
    ]
    assert [unit["name"] for unit in answer["waiting"]] == ["a.service"]  # type: ignore[attr-defined]


async def test_a_plan_says_what_metadata_would_make_possible(cluster: World, api: Client) -> None:
    await cluster.machine("m1")
    await cluster.unit("a.service", SSD, LAUNCHED)
    there = {"machineID": "m1", "key": "disk", "value": "ssd"}
    assert await ask(api, {"metadata": [there]}) == {"changes": [{"name": "a.service", "to": "m1"}]}
    assert await ask(api, {"add": [{"id": "m9", "metadata": {"disk": "ssd"}}]}) == {
        "changes": [{"name": "a.service", "to": "m9"}]
    }


async def test_a_plan_starts_instances_of_a_template_of_the_cluster(cluster: World, api: Client) -> None:
    await cluster.machine("m1")
    await cluster.unit("web@.service")
    assert await ask(api, {"start": [{"name": "web@1.service"}]}) == {
        "changes": [{"name": "web@1.service", "to": "m1"}]
    }


WRONG = {
    "no JSON": (b"{", 400, "unable to decode body"),
    "no object": (b"[]", 400, "expected an object"),
    "not a list": (b'{"stop":"a.service"}', 400, "stop: expected a list of strings"),
    "an unknown unit": (b'{"stop":["a.service"]}', 404, 'unit "a.service" does not exist'),
    "an unknown machine": (b'{"lose":["m"]}', 404, 'machine "m" does not exist'),
    "a name that is none": (b'{"start":[{"name":"a"}]}', 400, "a"),
    "no name": (b'{"start":[{}]}', 400, "start: a unit has no name"),
    "a template": (b'{"start":[{"name":"a@.service"}]}', 400, "cannot activate template"),
    "a new unit without content": (b'{"start":[{"name":"a.service"}]}', 404, "does not exist"),
    "options that are none": (b'{"start":[{"name":"a.service","options":[1]}]}', 400, "options[0]"),
    "metadata without a key": (b'{"metadata":[{"machineID":"m1"}]}', 400, "metadata: expected"),
    "a machine that is no object": (b'{"add":[1]}', 400, "add: expected a list of objects"),
}


@pytest.mark.parametrize(("body", "status", "message"), WRONG.values(), ids=WRONG)
async def test_a_question_that_is_wrong_is_told_so(
    api: Client, body: bytes, status: int, message: str
) -> None:
    reply = await api.ask("POST", "/fleet/v1/plan", body)
    assert (reply.status, message in reply.message) == (status, True), reply.message
