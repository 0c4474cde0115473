"""Health, the limits, the description, and what is known of hosts that are gone."""

import json
from pathlib import Path

import pytest

from fleetd.api import openapi
from fleetd.api.app import served
from registry.records import Report
from registry.states import full_states
from tests.fleetd.world import Client, World, option
from units.state import TargetState


def test_all_that_is_served_is_described_and_nothing_else() -> None:
    paths = json.loads(openapi.document())["paths"]
    methods = {"get", "put", "post", "patch", "delete"}
    described = {(word.upper(), path) for path, node in paths.items() for word in node.keys() & methods}
    assert described == set(served())


def test_all_that_is_served_is_in_the_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs" / "API.md").read_text()
    for method, path in served():
        words = path.split("/")
        if words[3:] and words[3] in ("units", "state", "machines", "discovery") and words[-1] != "why":
            continue  # as in fleet 1.0
        assert f"`{method} {path.replace('{unitName}', 'NAME')}`" in text, (method, path)


async def test_a_daemon_that_is_joined_is_healthy_and_ready(api: Client) -> None:
    for path in ("/healthz", "/readyz"):
        reply = await api.get(path)
        assert (reply.status, reply.body) == (200, b"ok\n")


async def test_a_daemon_that_is_cut_off_is_healthy_and_says_what_it_waits_for(
    cluster: World, api: Client
) -> None:
    cluster.gate.shut("joining the cluster: no answer")
    assert (await api.get("/healthz")).status == 200
    reply = await api.get("/readyz")
    assert (reply.status, reply.body) == (503, b"joining the cluster: no answer\n")


async def lost_unit(cluster: World) -> None:
    await cluster.machine("m1")
    await cluster.machine("m2")
    await cluster.unit("a.service", desired=TargetState.LAUNCHED)
    await cluster.place("a.service", "m1")
    await cluster.report("a.service", "m1")


async def test_a_unit_of_a_machine_that_is_gone_is_nowhere_and_its_state_unknown(
    cluster: World, api: Client
) -> None:
    await lost_unit(cluster)
    before = (await api.get("/fleet/v1/state?view=full")).json["states"]
    assert [(s["systemdActiveState"], s["since"]) for s in before] == [("active", 0.0)]
    cluster.store.expire("m1")
    unit = (await api.get("/fleet/v1/units/a.service")).json
    assert (unit["currentState"], "machineID" in unit) == ("inactive", False)
    assert (await api.get("/fleet/v1/state")).body == b"{}"
    (state,) = (await api.get("/fleet/v1/state?view=full")).json["states"]
    assert isinstance(state.pop("lastSeen"), float)
    assert state == {
        "machineID": "m1",
        "name": "a.service",
        "systemdActiveState": "unknown",
        "systemdLoadState": "unknown",
        "systemdSubState": "unknown",
    }


async def test_of_a_machine_that_nobody_here_has_seen_no_age_is_told(cluster: World) -> None:
    await lost_unit(cluster)
    cluster.store.expire("m1")
    async with cluster.pictures.held() as view:
        (state,) = full_states(view.picture, {})
    assert "lastSeen" not in state


async def test_what_a_host_could_not_do_is_told_in_full_and_by_why_but_not_to_plain_clients(
    cluster: World, api: Client
) -> None:
    await lost_unit(cluster)
    said = Report("m1", "a.service", "5" * 40, "error", "failed", "failed", False, 7.0, "disk full", 3)
    await cluster.say(said)
    trouble = {"reason": "disk full", "failures": 3, "since": 7.0}
    (plain,) = (await api.get("/fleet/v1/state")).json["states"]
    (full,) = (await api.get("/fleet/v1/state?view=full")).json["states"]
    assert full == plain | trouble
    why = (await api.get("/fleet/v1/units/a.service/why")).json
    assert [{"name": "a.service", **state} for state in why["states"]] == [full]
    assert why["currentState"] == "inactive", "what could not be loaded is not loaded"


async def test_plain_clients_see_no_new_fields(cluster: World, api: Client) -> None:
    await lost_unit(cluster)
    (state,) = (await api.get("/fleet/v1/state")).json["states"]
    assert "since" not in state


@pytest.mark.parametrize("prefix", ["/fleet/v1", "/v1-alpha"])
async def test_the_api_is_described_for_machines(api: Client, prefix: str) -> None:
    described = (await api.get(f"{prefix}/openapi.json")).json
    assert described["openapi"] == "3.0.3"
    text = json.dumps(described)
    for name in described["components"]["schemas"]:
        assert text.count(f'#/components/schemas/{name}"') >= 1, name


async def test_one_unit_more_than_the_limit_is_refused(limited: World) -> None:
    body = {"options": [option()], "desiredState": "inactive"}
    assert (await limited.api.put("/fleet/v1/units/a.service", body)).status == 201
    reply = await limited.api.put("/fleet/v1/units/b.service", body)
    assert (reply.status, reply.message) == (409, "the cluster has 1 units, its limit (units_limit) is 1")
    launch = {"desiredState": "launched"}
    assert (await limited.api.put("/fleet/v1/units/a.service", launch)).status == 204


async def test_requests_are_counted_by_what_was_asked_for_not_by_name(api: Client) -> None:
    for name in ("a", "b"):
        await api.get(f"/fleet/v1/units/{name}.service")
    await api.ask("INVENTED", "/anything")
    shown = (await api.get("/metrics")).body.decode()
    assert 'fleet_api_requests_total{code="404",handler="units",method="GET"} 2' in shown
    assert 'fleet_api_requests_total{code="404",handler="other",method="other"} 1' in shown
    assert 'fleet_api_request_duration_seconds_count{handler="units"} 2' in shown


async def test_openmetrics_for_those_who_want_it(api: Client) -> None:
    reply = await api.ask("GET", "/metrics", headers=[("Accept", "application/openmetrics-text;q=1")])
    assert reply.headers["Content-Type"].startswith("application/openmetrics-text")
    assert reply.body.endswith(b"# EOF\n")
