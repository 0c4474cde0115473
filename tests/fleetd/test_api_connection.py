"""What scripts do with a socket and a few lines of text, and what comes back to them."""

import asyncio
import logging
import socket
from pathlib import Path

import pytest

from fleetd.api.app import App
from fleetd.api.call import Answer, Call
from fleetd.api.server import serving
from fleetd.api.services import Services
from tests.fleetd.world import Client, World

ONE = b"GET /fleet/v1/units HTTP/1.1\r\nHost: x\r\n\r\n"
SENT = {
    "one request": (ONE, 1),
    "a request of HTTP/1.0": (b"GET /fleet/v1/units HTTP/1.0\r\n\r\n", 1),
    "one that would go on": (b"GET /fleet/v1/units HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 1),
    "several requests": (ONE * 3, 3),
    "more than are queued": (ONE * 100, 100),
    "one with a body": (b"GET /fleet/v1/units HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 1),
}


@pytest.mark.parametrize(("sent", "answers"), SENT.values(), ids=SENT)
async def test_a_client_that_says_no_more_gets_its_answers(api: Client, sent: bytes, answers: int) -> None:
    """As `printf … | socat - UNIX:/run/fleet.sock` does."""
    reply = await api.raw(sent, half_close=True)
    assert reply.count(b" 200 OK\r\n") == answers
    assert reply.endswith(b"\r\n\r\n{}")


CUT_SHORT = {
    "nothing": b"",
    "half a line": b"GET /fleet",
    "half a head": b"GET /fleet/v1/units HTTP/1.1\r\nHost: x\r\n",
    "half a body": ONE[:-2] + b"Content-Length: 3\r\n\r\na",
}


@pytest.mark.parametrize("sent", CUT_SHORT.values(), ids=CUT_SHORT)
async def test_a_client_that_leaves_within_a_request_is_not_waited_for(api: Client, sent: bytes) -> None:
    assert b" 200 OK" not in await api.raw(sent, half_close=True)


async def test_a_follower_of_events_that_says_no_more_is_let_go(cluster: World, tmp_path: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "fleet.sock"))
    writer.write(b"GET /fleet/v1/events HTTP/1.0\r\n\r\n")
    async with asyncio.timeout(10):
        await reader.readuntil(b"event: reset")
        writer.write_eof()
        await reader.read()
    writer.close()


LINES = {
    "bare newlines": b"GET /fleet/v1/units HTTP/1.0\nHost: x\n\n",
    "an empty line first": b"\nGET /fleet/v1/units HTTP/1.0\n\n",
    "two empty lines first": b"\r\n\r\nGET /fleet/v1/units HTTP/1.0\r\n\r\n",
    "both kinds": b"GET /fleet/v1/units HTTP/1.0\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("sent", LINES.values(), ids=LINES)
async def test_lines_typed_by_hand_are_read(api: Client, sent: bytes) -> None:
    reply = await api.raw(sent)
    assert reply.startswith(b"HTTP/1.0 200 OK\r\n")
    assert reply.endswith(b"\r\n\r\n{}")


async def test_a_body_after_bare_newlines_is_read(cluster: World) -> None:
    head = b"PUT /fleet/v1/units/a.service HTTP/1.0\nContent-Type: application/json\nContent-Length: 2\n\n"
    assert b" 409 Conflict\r\n" in await cluster.api.raw(head + b"{}")


async def test_an_answer_names_the_server_also_when_the_gate_is_shut_before_it_is_sent(
    cluster: World, tmp_path: Path
) -> None:
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "fleet.sock"))
    head = b"PUT /fleet/v1/units/a.service HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    writer.write(head + b"Connection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    async with asyncio.timeout(10):
        await reader.readuntil(b"100 Continue\r\n\r\n")
        cluster.gate.open = False
        writer.write(b"{}")
        reply = await reader.read()
    writer.close()
    assert reply.startswith(b"HTTP/1.1 409 Conflict\r\n")
    assert b"\r\nServer: fleetd/v2.0.0\r\n" in reply


class Failing(App):
    """Fails where nobody expects it."""

    async def answer(self, call: Call, raw_path: str, raw_query: str) -> Answer:
        raise RuntimeError("broken")


async def test_what_nobody_expects_is_a_500_without_its_cause_and_is_logged(
    cluster: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "failing.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        app = Failing(Services(cluster.registry, cluster.pictures, 100), cluster.gate)
        async with serving(app, [listener], version="v2.0.0"):
            reply = await Client(path).get("/fleet/v1/units")
    assert (reply.status, reply.message) == (500, "")
    (record,) = (record for record in caplog.records if record.levelno == logging.ERROR)
    assert record.getMessage() == "Failed answering GET /fleet/v1/units"
    assert record.exc_info is not None
