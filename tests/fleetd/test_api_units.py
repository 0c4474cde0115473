"""Units through the API: create, replace, change, get, list, delete (api-v1.md §7 to §9 and §18)."""

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest

from fleetd.api.app import Handler
from fleetd.api.call import Call
from fleetd.api.errors import ApiError
from fleetd.api.pictures import Pictures
from fleetd.api.services import Services
from fleetd.api.units import delete_unit, put_unit
from registry.memory import MemoryRegistry
from registry.records import Job
from tests.fleetd.world import Client, World, fleet, option
from units.file import UnitFile
from units.state import TargetState

A = "/fleet/v1/units/a.service"
JSON = [("Content-Type", "application/json")]


async def test_the_life_of_a_unit(api: Client) -> None:
    """The check list of the API's description, in its order."""
    assert (await api.get("/fleet/v1/units")).body == b"{}"
    assert (await api.get("/fleet/v1/units/nope.service")).body == (
        b'{"error":{"code":404,"message":"unit does not exist"}}'
    )
    assert (await api.ask("PUT", A)).message == "expected 1 Content-Type, got 0"
    refused = await api.put(A, {})
    assert (refused.status, refused.message) == (409, "unit does not exist and options field empty")

    created = await api.put(A, {"options": [option()]})
    assert (created.status, created.body, created.headers["Content-Length"]) == (201, b"", "0")
    assert "Content-Type" not in created.headers
    assert "Location" not in created.headers
    assert (await api.get(A)).body == (
        b'{"currentState":"inactive","desiredState":"inactive","name":"a.service",'
        b'"options":[{"name":"ExecStart","section":"Service","value":"/bin/true"}]}'
    )
    again = await api.put(A, {"options": [option()]})
    assert (again.status, again.message) == (409, "must provide DesiredState to update existing unit")
    changed = await api.put(A, {"options": [option()], "desiredState": "launched"})
    assert (changed.status, changed.body) == (204, b"")
    assert "Content-Type" not in changed.headers
    assert (await api.get(A)).json["desiredState"] == "launched"

    replaced = await api.put(A, {"options": [option("/bin/false")]})
    assert (replaced.status, replaced.body) == (201, b"")
    assert (await api.get(A)).json["desiredState"] == "inactive"

    assert [(await api.delete(A)).status for _ in range(2)] == [204, 404]
    assert (await api.delete(A)).message == "unit does not exist"


async def test_options_are_checked_when_a_unit_is_replaced(cluster: World) -> None:
    file = await cluster.unit("a.service")
    reply = await cluster.api.put(A, {"options": fleet(MachineID="x", Global="true")})
    assert (reply.status, reply.message) == (400, "MachineID cannot be used with Global")
    job = await cluster.registry.job("a.service")
    assert job is not None
    assert job.hash == file.hash


async def test_a_stored_unit_that_breaks_the_rules_can_be_told_what_to_do_with_its_options_given(
    cluster: World,
) -> None:
    """fleet 1.0 did not check the options of a replacement, so a cluster may hold such a unit."""
    await cluster.unit("a.service", "[X-Fleet]\nMachineID=x\nGlobal=false\nConflicts=b\n")
    options = fleet(MachineID="x", Global="false", Conflicts="b")
    assert (await cluster.api.put(A, {"options": options, "desiredState": "loaded"})).status == 204
    assert (await cluster.api.put(A, {"options": options})).status == 409


@pytest.mark.parametrize("exists", [False, True], ids=["create", "change"])
async def test_an_unknown_desired_state_is_a_bad_request(cluster: World, exists: bool) -> None:
    if exists:
        await cluster.unit("a.service")
    body: dict[str, Any] = (
        {"desiredState": "bogus"} if exists else {"desiredState": "bogus", "options": [option()]}
    )
    reply = await cluster.api.put(A, body)
    assert (reply.status, reply.message) == (400, 'invalid value "bogus" for JobState')


async def test_a_template_cannot_be_activated_but_can_be_created_active(api: Client) -> None:
    template = "/fleet/v1/units/t@.service"
    assert (await api.put(template, {"options": [option()], "desiredState": "loaded"})).status == 201
    reply = await api.put(template, {"desiredState": "launched"})
    assert (reply.status, reply.message) == (400, 'cannot activate template "t@.service"')
    assert (await api.put(template, {"desiredState": "inactive"})).status == 204


async def test_setting_the_same_state_again_is_fine_and_writes_nothing(cluster: World) -> None:
    await cluster.unit("a.service", desired=TargetState.LAUNCHED)
    newest = cluster.store.newest
    assert (await cluster.api.put(A, {"desiredState": "launched"})).status == 204
    assert cluster.store.newest == newest


async def test_options_come_back_as_the_stored_text_reads(api: Client) -> None:
    sent = [option("b"), option("x", section="Unit", name="Description"), option(" c ")]
    await api.put(A, {"options": sent})
    assert (await api.get(A)).json["options"] == [
        {"name": "ExecStart", "section": "Service", "value": "b"},
        {"name": "ExecStart", "section": "Service", "value": "c"},
        {"name": "Description", "section": "Unit", "value": "x"},
    ]


async def test_the_bytes_of_special_characters(api: Client) -> None:
    await api.put(
        A, {"options": [option('<&> "\\" é \u2028 \x08\x0c\t\x7f \U0001f600'), option("", name="E")]}
    )
    assert (await api.get(A)).body.endswith(
        b'"value":"\\u003c\\u0026\\u003e \\"\\\\\\" '
        b'\xc3\xa9 \\u2028 \\u0008\\u000c\\t\x7f \xf0\x9f\x98\x80"},'
        b'{"name":"E","section":"Service"}]}'
    )


WHERE = {
    "not scheduled": (False, None, None, "inactive"),
    "scheduled": (True, None, "m1", "inactive"),
    "loaded": (True, False, "m1", "loaded"),
    "launched": (True, True, "m1", "launched"),
}


@pytest.mark.parametrize(("placed", "launched", "machine", "state"), WHERE.values(), ids=WHERE)
async def test_where_a_unit_stands(
    cluster: World, placed: bool, launched: bool | None, machine: str | None, state: str
) -> None:
    await cluster.machine("m1")
    await cluster.machine("m2")
    await cluster.unit("a.service", desired=TargetState.LAUNCHED)
    await cluster.report("a.service", "m2")
    if placed:
        await cluster.place("a.service", "m1")
    if launched is not None:
        await cluster.report("a.service", "m1", launched=launched)
    unit = (await cluster.api.get(A)).json
    assert (unit.get("machineID"), unit["currentState"]) == (machine, state)
    assert (await cluster.api.get("/fleet/v1/units")).json == {"units": [unit]}
    assert list(unit) == sorted(unit)


async def test_a_global_unit_has_a_current_state_in_the_list_alone(cluster: World) -> None:
    await cluster.machine("m1")
    await cluster.unit("g.service", "[X-Fleet]\nGlobal=true\n", TargetState.LAUNCHED)
    await cluster.report("g.service", "m1")
    unit = (await cluster.api.get("/fleet/v1/units/g.service")).json
    assert list(unit) == ["desiredState", "name", "options"]
    (listed,) = (await cluster.api.get("/fleet/v1/units")).json["units"]
    assert listed == unit | {"currentState": "inactive"}


async def test_putting_a_global_unit_makes_it_global_and_replacing_it_takes_that_back(cluster: World) -> None:
    await cluster.api.put(A, {"options": fleet(Global="true")})
    first = await cluster.registry.job("a.service")
    await cluster.api.put(A, {"desiredState": "launched"})
    second = await cluster.registry.job("a.service")
    await cluster.api.put(A, {"options": [option()]})
    third = await cluster.registry.job("a.service")
    assert [job and job.is_global for job in (first, second, third)] == [True, True, False]


async def test_a_unit_without_its_file_is_left_out_is_500_and_can_be_destroyed(
    cluster: World, caplog: pytest.LogCaptureFixture
) -> None:
    await cluster.unit("b.service")
    stray = UnitFile.from_text("[Service]\nExecStart=/gone\n")
    await cluster.registry.save(Job("a.service", stray.hash, TargetState.INACTIVE), stray, seen=None)
    (key,) = (key for key in cluster.store.dump() if key.endswith(stray.hash))
    cluster.store.put(key, b"no unit file")
    listed = (await cluster.api.get("/fleet/v1/units")).json["units"]
    assert [unit["name"] for unit in listed] == ["b.service"]
    assert (await cluster.api.get(A)).body == b'{"error":{"code":500,"message":""}}'
    assert "Failed fetching Unit(a.service) from Registry: no unit file" in caplog.text
    assert (await cluster.api.delete(A)).status == 204


async def test_pages_of_units(cluster: World) -> None:
    for number in range(103):
        await cluster.unit(f"u{number:03}.service")
    first = (await cluster.api.get("/fleet/v1/units")).json
    assert list(first) == ["nextPageToken", "units"]
    assert (first["nextPageToken"], len(first["units"])) == ("ZAACAA==", 100)
    second = (await cluster.api.get("/fleet/v1/units?alt=json&nextPageToken=ZAACAA%3D%3D")).json
    assert [unit["name"] for unit in second["units"]] == ["u100.service", "u101.service", "u102.service"]
    assert "nextPageToken" not in second
    assert (await cluster.api.get("/fleet/v1/units?nextPageToken=ZAADAA==")).body == b"{}"


@pytest.mark.parametrize("collection", ["units", "state", "machines"])
async def test_a_bad_token_is_a_bad_request(api: Client, collection: str) -> None:
    reply = await api.get(f"/fleet/v1/{collection}?nextPageToken=xxx")
    assert (reply.status, reply.message) == (400, "illegal base64 data at input byte 0")
    reply = await api.get(f"/fleet/v1/{collection}?nextPageToken=ZAACAA==&nextPageToken=ZAACAA==")
    assert (reply.status, reply.message) == (400, "too many values for page token")
    assert (await api.get(f"/fleet/v1/{collection}?nextPageToken=%zz")).body == b"{}"


FAILING = {
    "list units": ("GET", "/units", "Failed fetching page of Units: "),
    "get a unit": ("GET", "/units/a.service", "Failed fetching Unit(a.service) from Registry: "),
    "delete a unit": ("DELETE", "/units/a.service", "Failed fetching Unit(a.service) from Registry: "),
    "put a unit": ("PUT", "/units/a.service", "Failed fetching Unit(a.service) from Registry: "),
    "list states": ("GET", "/state", "Failed fetching page of UnitStates: "),
    "get a state": ("GET", "/state/a.service", "Failed fetching UnitState(a.service) from Registry: "),
    "list machines": ("GET", "/machines", "Failed fetching page of Machines: "),
}


@pytest.mark.parametrize("opened", [False, True], ids=["first read", "later read"])
@pytest.mark.parametrize(("method", "path", "said"), FAILING.values(), ids=FAILING)
async def test_while_the_store_is_away_there_is_a_500_and_its_cause_in_the_log(
    cluster: World, caplog: pytest.LogCaptureFixture, method: str, path: str, said: str, opened: bool
) -> None:
    if opened:
        await cluster.api.get("/fleet/v1/units")
    cluster.store.go_away()
    body = b'{"desiredState":"launched"}' if method == "PUT" else None
    reply = await cluster.api.ask(method, f"/fleet/v1{path}", body, JSON)
    assert reply.body == b'{"error":{"code":500,"message":""}}'
    (record,) = (record for record in caplog.records if record.levelno == logging.ERROR)
    assert record.getMessage().startswith(said)
    cluster.store.come_back()
    assert (await cluster.api.get("/fleet/v1/units")).body == b"{}"


async def test_two_who_create_the_same_unit_agree(cluster: World) -> None:
    replies = await asyncio.gather(*(cluster.api.put(A, {"options": [option()]}) for _ in range(5)))
    assert sorted(reply.status for reply in replies) == [201, 409, 409, 409, 409]


async def test_many_changes_of_one_unit_at_once_all_succeed(cluster: World) -> None:
    await cluster.unit("a.service")
    states = ["launched", "loaded"] * 4
    replies = await asyncio.gather(*(cluster.api.put(A, {"desiredState": state}) for state in states))
    assert [reply.status for reply in replies] == [204] * len(states)


class Contested(MemoryRegistry):
    """Somebody else changes each unit right after it was looked at."""

    async def job(self, name: str) -> Job | None:
        seen = await super().job(name)
        if seen is not None:
            other = TargetState.LOADED if seen.desired is TargetState.INACTIVE else TargetState.INACTIVE
            await self.save(replace(seen, desired=other), None, seen=seen)
        return seen


@pytest.mark.parametrize("handler", [put_unit, delete_unit])
async def test_a_request_gives_up_when_others_are_always_faster(
    cluster: World, caplog: pytest.LogCaptureFixture, handler: Handler
) -> None:
    await cluster.unit("a.service")
    contested = Contested(cluster.store)

    async def body() -> bytes:
        return b'{"desiredState":"launched"}'

    call = Call("PUT", A, body, name="a.service", content_types=("application/json",))
    with pytest.raises(ApiError) as error:
        await handler(Services(contested, Pictures(contested), 100), call)
    assert (error.value.status, error.value.message) == (500, "")
    assert "Unit(a.service): changed by others 10 times meanwhile" in caplog.text
