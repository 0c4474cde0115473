"""What a PUT of a unit is refused for before it is looked up (api-v1.md §3, §4, §9.1 and §10)."""

import asyncio
import json
import logging

import pytest

from tests.fleetd.world import Client, fleet, option

A = "/fleet/v1/units/a.service"
JSON = [("Content-Type", "application/json")]


TYPES: dict[str, tuple[list[str], str]] = {
    "none": ([], "expected 1 Content-Type, got 0"),
    "two": (["application/json", "application/json"], "expected 1 Content-Type, got 2"),
    "three": (["application/json", "a", "b"], "expected 1 Content-Type, got 3"),
    "another": (["text/plain"], "only acceptable Content-Type is application/json"),
    "capitals": (["APPLICATION/JSON"], "only acceptable Content-Type is application/json"),
    "empty": ([""], "only acceptable Content-Type is application/json"),
}


@pytest.mark.parametrize(("lines", "message"), TYPES.values(), ids=TYPES)
async def test_content_type_refused_before_the_body_is_looked_at(
    api: Client, lines: list[str], message: str
) -> None:
    reply = await api.ask("PUT", A, b"garbage", [("Content-Type", line) for line in lines])
    assert (reply.status, reply.message) == (415, message)


@pytest.mark.parametrize(
    "line", ["application/json", "application/json; charset=utf-8", " application/json ;"]
)
async def test_content_type_accepted(api: Client, line: str) -> None:
    body = json.dumps({"options": [option()]}).encode()
    assert (await api.ask("PUT", A, body, [("Content-Type", line)])).status == 201


BODIES = {
    "nothing": (b"", "unable to decode body: EOF"),
    "cut short": (b'{"name"', "unable to decode body: unexpected EOF"),
    "no JSON": (b"garbage", "unable to decode body: invalid JSON: Expecting value at character 1"),
    "a list": (b"[]", "unable to decode body: the body is a list, expected an object"),
    "another name": (
        b'{"name":"b\\".service"}',
        'name in URL "a.service" differs from unit name in request body "b\\".service"',
    ),
}


@pytest.mark.parametrize(("body", "message"), BODIES.values(), ids=BODIES)
async def test_refused_body(api: Client, body: bytes, message: str) -> None:
    reply = await api.ask("PUT", A, body, JSON)
    assert (reply.status, reply.message) == (400, message)


async def test_a_body_may_be_missing(api: Client) -> None:
    assert (await api.ask("PUT", A, None, JSON)).message == "unable to decode body: EOF"


async def test_a_chunked_body(api: Client) -> None:
    body = json.dumps({"options": [option()]}).encode()
    head = f"PUT {A} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
    chunks = b"%x\r\n%s\r\n" % (10, body[:10]) + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body) - 10, body[10:])
    reply = await api.raw(head.encode() + b"Connection: close\r\n\r\n" + chunks)
    assert reply.startswith(b"HTTP/1.1 201 Created\r\n")


async def test_a_client_that_waits_before_it_sends_is_told_to_go_on(api: Client) -> None:
    head = f"PUT {A} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
    answer = await api.raw(head.encode() + b"Expect: 100-continue\r\n\r\n", until=b"\r\n\r\n")
    assert answer == b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize("header", ["Content-Length: 1048577\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"])
async def test_a_body_over_one_mebibyte_is_refused(api: Client, header: str) -> None:
    head = f"PUT {A} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{header}"
    sent = b"100001\r\n" + b" " * 0x100001 + b"\r\n0\r\n\r\n" if "chunked" in header else b" " * 1048577
    reply = await api.raw(head.encode() + sent)
    assert reply.startswith(b"HTTP/1.1 413 Request Entity Too Large\r\n")
    assert reply.endswith(b'{"error":{"code":413,"message":"request body is larger than 1048576 bytes"}}')


async def test_a_client_that_leaves_while_it_sends_harms_nobody(
    api: Client, caplog: pytest.LogCaptureFixture
) -> None:
    head = f"PUT {A} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{{"
    _, writer = await asyncio.open_unix_connection(str(api._path))
    writer.write(head.encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await api.get("/fleet/v1/units")).body == b"{}"
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


NAMES = {
    "no type": ("a", 'unit name must contain "."'),
    "nothing after the dot": ("a.", 'unit name cannot end in "."'),
    "an unknown type": ("a.servicf", 'invalid unit type: "servicf"'),
    "a blank at the end": ("a.service%20", 'invalid unit type: "service "'),
    "a type without templates": ("a@b.mount", 'invalid unit type for template: "mount"'),
    "a forbidden character": ("a!.service", "invalid character '!' in unit name"),
    "a newline": ("a%0A.service", "invalid character '\\n' in unit name"),
    "an at at the start": ("@a.service", 'unit name cannot start in "@"'),
    "too long": ("a" * 249 + ".service", "unit name exceeds maximum length (256)"),
}


@pytest.mark.parametrize(("name", "message"), NAMES.values(), ids=NAMES)
async def test_refused_name(api: Client, name: str, message: str) -> None:
    reply = await api.put(f"/fleet/v1/units/{name}", {"options": [option()]})
    assert (reply.status, reply.message) == (400, message)


@pytest.mark.parametrize("name", [".service", "foo@bar@baz.service", "a.b.c.service", "a" * 248 + ".service"])
async def test_accepted_name(api: Client, name: str) -> None:
    assert (await api.put(f"/fleet/v1/units/{name}", {"options": [option()]})).status == 201
    assert (await api.get(f"/fleet/v1/units/{name}")).json["name"] == name


OPTIONS = {
    "a line too long": ([option("a" * 2048)], "line too long (max 2048 bytes)"),
    "a newline in a name": (
        [option(name="Exec\nStart")],
        "unexpected newline encountered while parsing option name",
    ),
    "a drop-in": ([option(section="X-DropIn a.conf/Service")], None),
    "a drop-in that would be elsewhere": (
        [option(section="X-DropIn ../a.conf/Service")],
        "section [X-DropIn ../a.conf/Service]: the name of a drop-in must end in .conf",
    ),
    "a section without end": ([option(section="Ser")], None),
    "a machine and peers": (
        fleet(MachineID="x", MachineOf="b.service"),
        "MachineID cannot be used with Peers",
    ),
    "a machine and global": (fleet(MachineID="", Global="true"), "MachineID cannot be used with Global"),
    "a peer in conflict": (
        fleet(MachineOf="b.service", Conflicts="b*"),
        'unresolvable requirements: peer "b.service" matches conflict "b*"',
    ),
}


@pytest.mark.parametrize(("options", "message"), OPTIONS.values(), ids=OPTIONS)
async def test_options(api: Client, options: list[dict[str, str]], message: str | None) -> None:
    reply = await api.put(A, {"options": options})
    assert reply.status == (400 if message else 201)
    if message:
        assert reply.message == message
        assert (await api.get(A)).status == 404
