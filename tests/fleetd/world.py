"""A small cluster in memory, the API in front of it, and a client that shows every byte."""

import asyncio
import http.client
import json
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleetd.api.app import App, Gate
from fleetd.api.pictures import Pictures
from fleetd.api.server import serving
from fleetd.api.services import Services
from registry.memory import MemoryRegistry, MemoryStore
from registry.port import Leadership, Place, Session
from registry.records import Job, Leader, Report, ScheduleEntry
from units.file import UnitFile
from units.machine import Machine
from units.requirements import Requirements
from units.state import TargetState

TTL = 30.0
SLEEP = "[Service]\nExecStart=/bin/sleep 1d\n"


def option(value: str = "/bin/true", *, section: str = "Service", name: str = "ExecStart") -> dict[str, str]:
    """An option as the API takes it."""
    return {"section": section, "name": name, "value": value}


def fleet(**values: str) -> list[dict[str, str]]:
    """Options of [X-Fleet]."""
    return [option(value, section="X-Fleet", name=name) for name, value in values.items()]


async def eventually(holds: Callable[[], bool], *, within: float = 5.0) -> None:
    """Wait for what nobody announces; TimeoutError after so many seconds."""
    async with asyncio.timeout(within):
        while True:
            if holds():
                return
            await asyncio.sleep(0.001)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, with the headers as they came."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """The message of an error, after a look at the form of it."""
        error = self.json["error"]
        assert list(error) == ["code", "message"]
        assert error["code"] == self.status
        assert self.headers["Content-Type"] == "application/json"
        return str(error["message"])


class Client:
    """Speaks HTTP to a unix socket, one connection per request unless it is kept."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def get(self, path: str) -> Reply:
        return await self.ask("GET", path)

    async def put(self, path: str, body: object) -> Reply:
        return await self.ask("PUT", path, json.dumps(body).encode(), [("Content-Type", "application/json")])

    async def post(self, path: str, body: object) -> Reply:
        return await self.ask("POST", path, json.dumps(body).encode())

    async def delete(self, path: str) -> Reply:
        return await self.ask("DELETE", path)

    async def ask(
        self, method: str, path: str, body: bytes | None = None, headers: list[tuple[str, str]] | None = None
    ) -> Reply:
        """One request with exactly these headers, and a Content-Length if there is a body."""
        return await asyncio.to_thread(self._ask, method, path, body, headers or [])

    def _ask(self, method: str, path: str, body: bytes | None, headers: list[tuple[str, str]]) -> Reply:
        connection = http.client.HTTPConnection("fleet.sock", timeout=10)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.sock.connect(str(self._path))
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            return Reply(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    async def raw(self, sent: bytes, *, until: bytes = b"", half_close: bool = False) -> bytes:
        """What comes back for these bytes, to the end of the connection or of `until`.

        `half_close` says after them that nothing more follows, and goes on reading.
        """
        reader, writer = await asyncio.open_unix_connection(str(self._path))
        try:
            writer.write(sent)
            if half_close:
                writer.write_eof()
            async with asyncio.timeout(10):
                return await (reader.readuntil(until) if until else reader.read())
        finally:
            writer.close()
            await writer.wait_closed()


@dataclass(slots=True)
class World:
    """A cluster in memory as the tests arrange it, and the API as they look at it."""

    store: MemoryStore
    registry: MemoryRegistry
    gate: Gate
    pictures: Pictures
    api: Client
    _sessions: dict[str, Session]
    _open: AsyncExitStack
    _lead: Leadership | None = None

    async def machine(self, id: str, *, ip: str = "", metadata: Mapping[str, str] | None = None) -> None:
        """Make a machine present."""
        joining = self.registry.join(Machine(id, ip, metadata or {}), ttl=TTL)
        self._sessions[id] = await self._open.enter_async_context(joining)

    async def unit(
        self, name: str, text: str = SLEEP, desired: TargetState = TargetState.INACTIVE
    ) -> UnitFile:
        """Submit a unit."""
        file = UnitFile.from_text(text)
        is_global = Requirements.of(name, file.options).is_global
        await self.registry.save(Job(name, file.hash, desired, is_global), file, seen=None)
        return file

    async def place(self, name: str, machine: str) -> None:
        """Schedule a unit to a machine."""
        if self._lead is None:
            campaign = self.registry.campaign(Leader("m1"), ttl=TTL)
            self._lead = await self._open.enter_async_context(campaign)
        job = await self.registry.job(name)
        assert job is not None
        await self._lead.commit([Place(ScheduleEntry(machine, name, job.hash, TargetState.LAUNCHED))])

    async def report(
        self, name: str, machine: str, *, launched: bool = True, active: str = "active", hash: str = "5" * 40
    ) -> None:
        """Let a machine say something of a unit."""
        await self.say(Report(machine, name, hash, "loaded", active, "running", launched, since=0.0))

    async def say(self, report: Report) -> None:
        """The same, in all its words."""
        await self._sessions[report.machine].report([report], [])


@asynccontextmanager
async def world(directory: Path, *, page_size: int = 100, units_limit: int = 0) -> AsyncIterator[World]:
    """An empty cluster with an API that is available."""
    store = MemoryStore()
    registry = MemoryRegistry(store)
    pictures = Pictures(registry, patience=1.0)
    gate = Gate()
    gate.open = True
    path = directory / "fleet.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        app = App(Services(registry, pictures, page_size, units_limit=units_limit), gate)
        async with AsyncExitStack() as stack, serving(app, [listener], version="v2.0.0"):
            reading = asyncio.ensure_future(pictures.run())
            yield World(store, registry, gate, pictures, Client(path), {}, stack)
            reading.cancel()
