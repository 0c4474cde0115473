"""A cluster in a thread: the real API over the registry in memory, whose hosts act out what unit files say.

A unit's section [Play] is the script: `Start=` and `Stop=` are what systemd goes through, as `active/sub`
or `active/sub@SECONDS`. A unit without one runs at once and stops at once. `Machine=` says where it is to be
placed; `none` means nowhere.
"""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fleetd.api.app import App, Gate
from fleetd.api.pictures import Pictures
from fleetd.api.server import serving
from fleetd.api.services import Services
from registry.memory import MemoryRegistry, MemoryStore
from registry.port import Displace, Everything, Leadership, Place, Session
from registry.records import Job, Leader, Picture, Report, ScheduleEntry
from units.file import UnitFile
from units.machine import Machine
from units.state import TargetState

M1 = "11111111111111111111111111111111"
M2 = "22222222222222222222222222222222"
TTL = 30.0


@dataclass(frozen=True)
class Play:
    """What systemd goes through."""

    start: tuple[str, ...]
    stop: tuple[str, ...]

    @classmethod
    def of(cls, file: UnitFile) -> "Play":
        values = {o.name: o.value for o in file.options if o.section == "Play"}
        start, stop = values.get("Start", "active/running"), values.get("Stop", "inactive/dead")
        return cls(tuple(start.split()), tuple(stop.split()))


@dataclass
class Host:
    """One machine, and what it does with its units."""

    machine: Machine
    session: Session
    wanted: dict[str, tuple[str, TargetState]] = field(default_factory=dict)
    acting: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    plays: dict[str, Play] = field(default_factory=dict)
    launched: set[str] = field(default_factory=set)

    def want(self, wanted: Mapping[str, tuple[str, TargetState]], files: Mapping[str, UnitFile]) -> None:
        for name in wanted.keys() | self.wanted.keys():
            if wanted.get(name) != self.wanted.get(name):
                before = self.acting.get(name)
                self.acting[name] = asyncio.create_task(self._act(name, wanted.get(name), files, before))
        self.wanted = dict(wanted)

    async def _act(
        self,
        name: str,
        wanted: tuple[str, TargetState] | None,
        files: Mapping[str, UnitFile],
        before: asyncio.Task[None] | None,
    ) -> None:
        if before is not None:
            before.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await before
        hash, desired = wanted or ("", TargetState.INACTIVE)
        play = self.plays.setdefault(name, Play.of(files[hash]) if hash in files else Play((), ()))
        if name in self.launched and desired is not TargetState.LAUNCHED:
            await self._say(name, hash, play.stop, launched=False)
            self.launched.discard(name)
        if desired is TargetState.LAUNCHED:
            self.launched.add(name)
            await self._say(name, hash, self.plays[name].start, launched=True)
        elif desired is TargetState.LOADED:
            await self._say(name, hash, ("inactive/dead",), launched=False)
        else:
            self.plays.pop(name, None)
            await self.session.report([], [name])

    async def _say(self, name: str, hash: str, steps: tuple[str, ...], *, launched: bool) -> None:
        for step in steps:
            words, _, seconds = step.partition("@")
            active, _, sub = words.partition("/")
            load = "not-found" if sub == "not-found" else "loaded"
            said = Report(self.machine.id, name, hash, load, active, sub, launched, time.time())
            await self.session.report([said], [])
            await asyncio.sleep(float(seconds or 0))


class SmallCluster:
    """The cluster; all of it lives in the loop of one thread."""

    def __init__(self, socket_path: Path, machines: list[Machine], page_size: int) -> None:
        self.socket_path = socket_path
        self.endpoint = f"unix://{socket_path}"
        self.port = 0
        self.gate = Gate()
        self._machines = machines
        self._page_size = page_size
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._done = asyncio.Event()

    def run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._live())

    def wait_ready(self) -> None:
        assert self._ready.wait(10), "the cluster has not come up"

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._done.set)

    async def _live(self) -> None:
        registry = MemoryRegistry(MemoryStore())
        pictures = Pictures(registry)
        app = App(Services(registry, pictures, self._page_size), self.gate)
        unix = socket.socket(socket.AF_UNIX)
        unix.bind(str(self.socket_path))
        tcp = socket.create_server(("127.0.0.1", 0))
        self.port = tcp.getsockname()[1]
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
            await stack.enter_async_context(serving(app, [unix, tcp], version="test"))
            reading = tasks.create_task(pictures.run())
            sessions = [await stack.enter_async_context(registry.join(m, ttl=TTL)) for m in self._machines]
            lead = await stack.enter_async_context(registry.campaign(Leader("me"), ttl=TTL))
            hosts = [Host(m, s) for m, s in zip(self._machines, sessions, strict=True)]
            acting = tasks.create_task(_act(registry, lead, hosts))
            self.gate.open = True
            self._ready.set()
            await self._done.wait()
            for task in (reading, acting, *(t for host in hosts for t in host.acting.values())):
                task.cancel()


async def _act(registry: MemoryRegistry, lead: Leadership, hosts: list[Host]) -> None:
    async with registry.follow(Everything()) as view:
        picture = view.picture
        while True:
            if writes := list(_engine(picture, hosts)):
                await lead.commit(writes)
            for host in hosts:
                host.want(_wanted(picture, host.machine.id), picture.files)
            picture = await view.after(picture)


def _engine(picture: Picture, hosts: list[Host]) -> Iterator[Place | Displace]:
    for name, entries in picture.schedule.items():
        job = picture.jobs.get(name)
        if job is None or job.is_global or not job.desired.is_placed:
            yield from (Displace(machine, name) for machine in entries)
    for name, job in picture.jobs.items():
        if job.desired.is_placed and not job.is_global and (where := _where(picture, job, hosts)):
            entry = ScheduleEntry(where, name, job.hash, job.desired)
            if picture.schedule.get(name, {}).get(where) != entry:
                yield Place(entry)


def _where(picture: Picture, job: Job, hosts: list[Host]) -> str:
    if picture.schedule.get(job.name):
        return next(iter(picture.schedule[job.name]))
    asked = picture.files[job.hash].section_values("Play", "Machine")
    return {"none": ""}.get(asked[0], asked[0]) if asked else hosts[0].machine.id


def _wanted(picture: Picture, machine: str) -> dict[str, tuple[str, TargetState]]:
    wanted = {
        name: (entries[machine].hash, entries[machine].desired)
        for name, entries in picture.schedule.items()
        if machine in entries
    }
    for name, job in picture.jobs.items():
        if job.is_global and job.desired.is_placed:
            wanted[name] = (job.hash, job.desired)
    return wanted


@contextmanager
def small_cluster(
    directory: Path, *, machines: list[Machine] | None = None, page_size: int = 100
) -> Iterator[SmallCluster]:
    """A cluster of two machines, or of these, that lives until the context ends."""
    two = [Machine(M1, "198.18.0.1", {"zone": "a", "disk": "ssd"}), Machine(M2, "198.18.0.2")]
    cluster = SmallCluster(directory / "fleet.sock", machines or two, page_size)
    thread = threading.Thread(target=cluster.run)
    thread.start()
    try:
        cluster.wait_ready()
        yield cluster
    finally:
        cluster.stop()
        thread.join(10)
        assert not thread.is_alive()
