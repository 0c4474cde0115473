"""States through the API (api-v1.md §7.3 and §11)."""

import pytest

from tests.fleetd.world import World


async def a_busy_cluster(cluster: World) -> None:
    for machine in ("m1", "m2"):
        await cluster.machine(machine)
    await cluster.report("b.service", "m2")
    await cluster.report("b.service", "m1")
    await cluster.report("a.service", "m2")


async def test_nobody_says_anything(cluster: World) -> None:
    assert (await cluster.api.get("/fleet/v1/state")).body == b"{}"


async def test_the_bytes_of_a_state(cluster: World) -> None:
    await cluster.machine("m1")
    await cluster.report("a.service", "m1")
    state = (
        b'{"hash":"5555555555555555555555555555555555555555","machineID":"m1","name":"a.service",'
        b'"systemdActiveState":"active","systemdLoadState":"loaded","systemdSubState":"running"}'
    )
    assert (await cluster.api.get("/fleet/v1/state")).body == b'{"states":[' + state + b"]}"
    assert (await cluster.api.get("/fleet/v1/state/a.service")).body == state


async def test_states_are_sorted_by_unit_then_machine(cluster: World) -> None:
    await a_busy_cluster(cluster)
    states = (await cluster.api.get("/fleet/v1/state")).json["states"]
    assert [(state["name"], state["machineID"]) for state in states] == [
        ("a.service", "m2"),
        ("b.service", "m1"),
        ("b.service", "m2"),
    ]


FILTERS = {
    "by unit": ("unitName=b.service", ["b m1", "b m2"]),
    "by machine": ("machineID=m2", ["a m2", "b m2"]),
    "by both": ("machineID=m1&unitName=b.service", ["b m1"]),
    "by nothing": ("machineID=&unitName=", ["a m2", "b m1", "b m2"]),
    "the first of several counts": ("machineID=m1&machineID=m2", ["b m1"]),
    "an empty first one too": ("unitName=&unitName=b.service", ["a m2", "b m1", "b m2"]),
    "no suffix is added": ("unitName=b", []),
    "no globs": ("unitName=*", []),
    "another case is another parameter": ("unitname=b.service", ["a m2", "b m1", "b m2"]),
    "a bad escape drops the parameter": ("unitName=%zz", ["a m2", "b m1", "b m2"]),
}


@pytest.mark.parametrize(("query", "expected"), FILTERS.values(), ids=FILTERS)
async def test_filtered(cluster: World, query: str, expected: list[str]) -> None:
    await a_busy_cluster(cluster)
    page = (await cluster.api.get(f"/fleet/v1/state?{query}")).json
    found = [f"{s['name'].removesuffix('.service')} {s['machineID']}" for s in page.get("states", [])]
    assert found == expected


async def test_filters_apply_before_pages_are_cut(cluster: World) -> None:
    await cluster.machine("m1")
    for number in range(101):
        await cluster.report(f"u{number:03}.service", "m1")
    await cluster.report("v.service", "m1")
    first = (await cluster.api.get("/fleet/v1/state?machineID=m1")).json
    assert list(first) == ["nextPageToken", "states"]
    path = f"/fleet/v1/state?unitName=v.service&nextPageToken={first['nextPageToken']}"
    assert (await cluster.api.get(path)).body == b"{}"


async def test_a_state_that_nobody_reports_is_an_empty_object(cluster: World) -> None:
    """The command line of 1.0 crashes on a 404 here."""
    reply = await cluster.api.get("/fleet/v1/state/a.service")
    assert (reply.status, reply.body) == (200, b"{}")


async def test_of_several_states_the_one_that_counts_is_that_of_the_scheduled_machine(cluster: World) -> None:
    await a_busy_cluster(cluster)
    await cluster.unit("b.service")
    await cluster.place("b.service", "m2")
    assert (await cluster.api.get("/fleet/v1/state/b.service")).json["machineID"] == "m2"


async def test_the_states_of_a_machine_vanish_with_it(cluster: World) -> None:
    await a_busy_cluster(cluster)
    cluster.store.expire("m2")
    states = (await cluster.api.get("/fleet/v1/state")).json["states"]
    assert [state["machineID"] for state in states] == ["m1"]
    assert (await cluster.api.get("/fleet/v1/state/a.service")).body == b"{}"
