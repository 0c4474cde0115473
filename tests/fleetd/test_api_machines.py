"""Machines and their metadata through the API (api-v1.md §7.4 and §12)."""

import json
import logging
from typing import Any

import pytest

from tests.fleetd.world import Reply, World

MACHINES = "/fleet/v1/machines"


async def patch(cluster: World, operations: object) -> Reply:
    return await cluster.api.ask("PATCH", MACHINES, json.dumps(operations).encode())


def operation(op: str, path: str, value: str | None = None) -> dict[str, Any]:
    return {"op": op, "path": path} | ({} if value is None else {"value": {"value": value}})


async def metadata(cluster: World, machine: str = "m1") -> dict[str, str]:
    machines = (await cluster.api.get(MACHINES)).json["machines"]
    return next(m.get("metadata", {}) for m in machines if m["id"] == machine)


async def test_no_machines(cluster: World) -> None:
    assert (await cluster.api.get(MACHINES)).body == b"{}"


async def test_the_bytes_of_machines_by_id(cluster: World) -> None:
    await cluster.machine("m2")
    await cluster.machine("m1", ip="10.0.0.1", metadata={"role": "web", "disk": "<ssd>"})
    assert (await cluster.api.get(MACHINES)).body == (
        b'{"machines":[{"id":"m1","metadata":{"disk":"\\u003cssd\\u003e","role":"web"},"primaryIP":"10.0.0.1"},'
        b'{"id":"m2"}]}'
    )


async def test_a_machine_that_is_gone_is_not_shown(cluster: World) -> None:
    await cluster.machine("m1")
    assert (await cluster.api.get(MACHINES)).json == {"machines": [{"id": "m1"}]}
    cluster.store.expire("m1")
    assert (await cluster.api.get(MACHINES)).body == b"{}"


async def test_pages_of_machines(cluster: World) -> None:
    for number in range(100):
        await cluster.machine(f"m{number:03}")
    page = (await cluster.api.get(MACHINES)).json
    assert list(page) == ["machines", "nextPageToken"]
    assert (await cluster.api.get(f"{MACHINES}?nextPageToken={page['nextPageToken']}")).body == b"{}"


async def test_metadata_is_set_replaced_and_hidden_in_order(cluster: World) -> None:
    await cluster.machine("m1", metadata={"role": "web", "zone": "a"})
    reply = await patch(
        cluster,
        [
            operation("add", "/m1/metadata/disk", "ssd"),
            operation("replace", "/m1/metadata/role", "db"),
            operation("add", "/m1/metadata/x", "1"),
            operation("replace", "/m1/metadata/x", "2"),
            operation("remove", "/m1/metadata/zone"),
        ],
    )
    assert (reply.status, reply.body, reply.headers["Content-Type"]) == (204, b"", "application/json")
    assert await metadata(cluster) == {"disk": "ssd", "role": "db", "x": "2"}


async def test_what_is_not_there_can_be_removed_and_who_is_not_there_can_be_told(cluster: World) -> None:
    await cluster.machine("m1")
    assert (await patch(cluster, [operation("remove", "/m1/metadata/nothing")])).status == 204
    assert (await patch(cluster, [operation("add", "/m9/metadata/role", "db")])).status == 204
    assert (await cluster.api.get(MACHINES)).json == {"machines": [{"id": "m1"}]}
    await cluster.machine("m9")
    assert await metadata(cluster, "m9") == {"role": "db"}


@pytest.mark.parametrize("body", [b"[]", b"null", b"[] x"])
async def test_nothing_to_do_is_a_success(cluster: World, body: bytes) -> None:
    assert (await cluster.api.ask("PATCH", MACHINES, body)).status == 204


@pytest.mark.parametrize("headers", [[], [("Content-Type", "a")], [("Content-Type", "a")] * 2])
async def test_any_content_type_is_fine(cluster: World, headers: list[tuple[str, str]]) -> None:
    assert (await cluster.api.ask("PATCH", MACHINES, b"[]", headers)).status == 204


REFUSED = {
    "an unknown op": (operation("move", "/m1/metadata/a", "b"), "invalid op: expect add, remove, or replace"),
    "no op": ({}, "invalid op: expect add, remove, or replace"),
    "op before path": (operation("Add", "/x", "b"), "invalid op: expect add, remove, or replace"),
    "a foreign path": (operation("add", "/m1/ip", "b"), "machine metadata path invalid"),
    "no machine": (operation("add", "//metadata/a", "b"), "machine metadata path invalid"),
    "no slash": (operation("add", "m1/metadata/a", "b"), "machine metadata path invalid"),
    "a strange key": (operation("add", "/m1/metadata/a b", "b"), "machine metadata path invalid"),
    "a newline at the end": (operation("add", "/m1/metadata/a\n", "b"), "machine metadata path invalid"),
    "a key below": (operation("remove", "/m1/metadata/a/b"), "machine metadata path invalid"),
    "no value to add": (
        operation("add", "/m1/metadata/a"),
        "invalid value: add and replace require a value",
    ),
    "an empty one": (
        operation("replace", "/m1/metadata/a", ""),
        "invalid value: add and replace require a value",
    ),
    "a plain string": (
        {"op": "remove", "path": "/m1/metadata/a", "value": "b"},
        "the body[1].value is a string, expected an object",
    ),
}


@pytest.mark.parametrize(("wrong", "message"), REFUSED.values(), ids=REFUSED)
async def test_one_wrong_operation_and_nothing_is_done(
    cluster: World, wrong: dict[str, Any], message: str
) -> None:
    await cluster.machine("m1")
    reply = await patch(cluster, [operation("add", "/m1/metadata/good", "1"), wrong])
    assert (reply.status, reply.message) == (400, message)
    assert await metadata(cluster) == {}


BODIES = {"nothing": (b"", "EOF"), "cut short": (b"[{", "unexpected EOF")}


@pytest.mark.parametrize(("body", "message"), BODIES.values(), ids=BODIES)
async def test_undecodable(cluster: World, body: bytes, message: str) -> None:
    reply = await cluster.api.ask("PATCH", MACHINES, body)
    assert (reply.status, reply.message) == (400, message)


async def test_a_failing_write_is_the_one_500_that_says_why(
    cluster: World, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.store.go_away()
    reply = await patch(cluster, [operation("add", "/m1/metadata/a", "b")])
    assert (reply.status, reply.message) == (500, "the store in memory has been sent away")
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
        "Failed setting metadata of Machine(m1): the store in memory has been sent away"
    ]
