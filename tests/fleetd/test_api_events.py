"""The stream of changes: complete, resumable, and over when it has to be."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.fleetd.world import Client, World, eventually
from units.state import TargetState


class Listener:
    """Reads events from a connection."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self.last_id = ""

    async def event(self) -> tuple[str, Any]:
        """The next event that is not a sign of life: its kind and its data."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(10):
            while line := (await self._reader.readline()).decode():
                name, _, value = line.rstrip("\n").partition(": ")
                if line.strip() and name in ("event", "data", "id"):
                    fields[name] = value
                elif not line.strip() and "event" in fields:
                    self.last_id = fields.get("id", self.last_id)
                    return fields["event"], json.loads(fields["data"])
        raise EOFError

    async def until(self, kind: str) -> Any:
        """The data of the next event of a kind."""
        while True:
            found, data = await self.event()
            if found == kind:
                return data


@asynccontextmanager
async def listening(path: Path, *, since: str = "") -> AsyncIterator[Listener]:
    """A stream, after its headers."""
    reader, writer = await asyncio.open_unix_connection(str(path / "fleet.sock"))
    resume = f"Last-Event-ID: {since}\r\n" if since else ""
    # HTTP/1.0: no chunks between the lines.
    writer.write(f"GET /fleet/v1/events HTTP/1.0\r\nHost: x\r\n{resume}\r\n".encode())
    try:
        async with asyncio.timeout(10):
            head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 OK" in head
        assert b"Content-Type: text/event-stream" in head
        yield Listener(reader)
    finally:
        writer.close()


async def test_everything_first_then_each_change(cluster: World, tmp_path: Path) -> None:
    await cluster.machine("m1", ip="10.0.0.1")
    async with listening(tmp_path) as stream:
        kind, data = await stream.event()
        assert (kind, data["machines"]) == ("reset", [{"id": "m1", "primaryIP": "10.0.0.1"}])
        assert stream.last_id == str(data["revision"])
        file = await cluster.unit("a.service", desired=TargetState.LAUNCHED)
        assert await stream.event() == (
            "unit",
            {"currentState": "inactive", "desiredState": "launched", "hash": file.hash, "name": "a.service"},
        )
        await cluster.place("a.service", "m1")
        assert (await stream.until("unit"))["machineID"] == "m1"
        await cluster.report("a.service", "m1")
        assert (await stream.until("unit"))["currentState"] == "launched"
        state = await stream.until("state")
        assert (state["machineID"], state["systemdActiveState"], state["since"]) == ("m1", "active", 0.0)


async def test_a_machine_that_vanishes_takes_its_states_with_it(cluster: World, tmp_path: Path) -> None:
    await cluster.machine("m1")
    await cluster.unit("a.service")
    await cluster.place("a.service", "m1")
    await cluster.report("a.service", "m1")
    async with listening(tmp_path) as stream:
        await stream.until("reset")
        cluster.store.expire("m1")
        assert await stream.event() == ("machine-gone", {"id": "m1"})
        kind, unit = await stream.event()
        assert (kind, unit["currentState"], "machineID" in unit) == ("unit", "inactive", False)
        assert await stream.event() == ("state-gone", {"machineID": "m1", "name": "a.service"})
        assert stream.last_id


async def test_who_was_cut_off_gets_what_it_missed(cluster: World, tmp_path: Path) -> None:
    async with listening(tmp_path) as stream:
        await stream.until("reset")
        last = stream.last_id
    await cluster.unit("a.service")
    await cluster.unit("b.service")
    async with listening(tmp_path, since=last) as stream:
        assert (await stream.event())[1]["name"] == "a.service"
        assert (await stream.event())[1]["name"] == "b.service"


async def test_who_was_away_for_too_long_gets_everything(cluster: World, tmp_path: Path) -> None:
    await cluster.unit("a.service")
    for since in ("1", "999999"):
        async with listening(tmp_path, since=since) as stream:
            kind, data = await stream.event()
            assert (kind, [unit["name"] for unit in data["units"]]) == ("reset", ["a.service"])


async def test_a_destroyed_unit_is_gone(cluster: World, api: Client, tmp_path: Path) -> None:
    await cluster.unit("a.service")
    async with listening(tmp_path) as stream:
        await stream.until("reset")
        assert (await api.delete("/fleet/v1/units/a.service")).status == 204
        assert await stream.event() == ("unit-gone", {"name": "a.service"})


async def test_an_id_that_is_no_revision_is_refused(api: Client) -> None:
    reply = await api.get("/fleet/v1/events?since=yesterday")
    assert (reply.status, reply.message) == (400, "the last event ID is no revision")


async def test_a_thousand_changes_reach_a_listener_who_takes_its_time(cluster: World, tmp_path: Path) -> None:
    async with listening(tmp_path) as stream:
        await stream.until("reset")
        await asyncio.gather(*(cluster.unit(f"u{i}.service") for i in range(1000)))
        names: set[str] = set()
        while len(names) < 1000:
            names.add((await stream.event())[1]["name"])


async def test_nobody_is_left_behind_when_a_client_goes(cluster: World, tmp_path: Path) -> None:
    feed = cluster.pictures.feed
    async with listening(tmp_path) as stream:
        await stream.until("reset")
        assert feed.listeners == 1
    await cluster.unit("a.service")
    await eventually(lambda: feed.listeners == 0)
