"""A host without systemd, which does what a real one does in the same case: one suite checks both.

What a unit does is written in its file: `ExecStart=/bin/false` fails, `Type=oneshot` is soon done, a
missing program fails, and a file systemd cannot make sense of has the load state `bad-setting`.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from agent.batch import Batches
from agent.errors import HostError, NameTaken, NoBus, NotLoaded, Refused
from agent.host import NOT_FOUND, HostFacts, Present, Remembered, Stage, UnitStatus
from units.file import UnitFile

GIB = 1 << 30
HEALTHY = HostFacts(
    memory_available=4 * GIB, memory_total=8 * GIB, directory="/run/fleet/units", disk_free=GIB
)
SUBS = {"active": "running", "failed": "failed", "inactive": "dead"}


@dataclass
class Machine:
    """What outlives an agent: systemd, the files, the memory, and what the test says goes wrong."""

    files: dict[str, UnitFile] = field(default_factory=dict)
    memory: dict[str, Remembered] = field(default_factory=dict)
    active: dict[str, str] = field(default_factory=dict)
    starts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    strangers: dict[str, str] = field(default_factory=dict)
    faults: dict[str, list[HostError]] = field(default_factory=dict)
    """`"load a.service"` fails with these, one after the other; then it works."""
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    """`"stop a.service"` hangs until this is set."""
    jobs: dict[str, "asyncio.Future[str | None]"] = field(default_factory=dict)
    """How systemd's job to start a unit ends; by default well, and at once."""
    unanswered: str | None = None
    readable: bool = True
    facts: HostFacts = HEALTHY
    done: list[str] = field(default_factory=list)
    """All that was done, as words: `load a.service`."""


class ScriptedHost:
    """An agent's view of a `Machine`. See `agent.host.Host`."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.bus = asyncio.Event()
        self._loads: Batches[str, UnitFile] = Batches(self._load)
        self._asked: set[str] = set()
        self._dirty: set[str] = set()
        self._some = asyncio.Event()

    # What tests do to it

    def lose_bus(self) -> None:
        self.bus.clear()

    def find_bus(self) -> None:
        self.bus.set()
        self._mark(self.machine.memory)

    def becomes(self, name: str, active: str) -> None:
        """Something outside fleet changes the state of a unit."""
        self.machine.active[name] = active
        self._mark([name])

    async def unload_offline(self, name: str) -> None:
        """What is left of a unit that was unloaded just before the agent died."""
        self.machine.active.pop(name, None)
        self.machine.files.pop(name, None)
        self._record(name, Stage.GONE)

    # Host

    async def watch(self) -> None:
        self.find_bus()
        try:
            await asyncio.Event().wait()
        finally:
            self.bus.clear()

    async def reachable(self) -> None:
        await self.bus.wait()

    async def present(self) -> Mapping[str, Present] | None:
        if not self.bus.is_set() or not self.machine.readable:
            return None
        memory = {name: m for name, m in self.machine.memory.items() if m.stage is not Stage.GONE}
        return {name: self._present(name) for name in self.machine.files.keys() | memory.keys()}

    async def load(self, name: str, file: UnitFile) -> None:
        await self._begin(f"load {name}")
        if name in self.machine.strangers:
            raise NameTaken(name, self.machine.strangers[name])
        await self._loads.add(name, file)
        self._record(name, Stage.LOADED)

    async def start(self, name: str) -> "asyncio.Future[str | None]":
        self._asked.add(name)
        self._mark([name])
        await self._begin(f"start {name}")
        if name not in self.machine.files:
            raise NotLoaded(f"start {name}", "NoSuchUnit", "not found")
        if self._load_state(name) != "loaded":
            raise Refused(f"start {name}", "BadUnitSetting", "bad unit file setting")
        if self.machine.active.get(name) != "active":
            self.machine.starts[name] += 1
            self.machine.active[name] = _outcome(self.machine.files[name].text)
        self._record(name, Stage.LAUNCHED)
        return self._job(name)

    async def stop(self, name: str) -> None:
        self._record(name, Stage.STOPPING)
        self._asked.discard(name)
        await self._begin(f"stop {name}")
        self.machine.active.pop(name, None)
        self._record(name, Stage.LOADED)

    async def unload(self, name: str) -> None:
        self._record(name, Stage.LEAVING)
        self._asked.discard(name)
        await self._begin(f"unload {name}")
        self.machine.active.pop(name, None)
        self.machine.files.pop(name, None)
        self._record(name, Stage.GONE)

    async def changed(self) -> frozenset[str]:
        await self._some.wait()
        names, self._dirty = frozenset(self._dirty), set()
        self._some.clear()
        return names

    async def states(self, names: Collection[str]) -> Mapping[str, UnitStatus]:
        self._need_bus()
        if gate := self.machine.gates.get("states"):
            await gate.wait()
        if faults := self.machine.faults.get("states"):
            raise faults[0]
        return {name: self._status(name) for name in names}

    def unanswered(self) -> str | None:
        return self.machine.unanswered

    def remembered(self) -> Mapping[str, Remembered]:
        memory = self.machine.memory.items()
        return {name: replace(m, asked=name in self._asked) for name, m in memory}

    async def forget(self, names: Collection[str]) -> None:
        for name in names:
            if name in self.machine.memory and self.machine.memory[name].stage is Stage.GONE:
                del self.machine.memory[name]

    async def facts(self, names: Collection[str]) -> HostFacts:
        if not self.bus.is_set():
            return replace(self.machine.facts, silent="systemd does not answer: no bus")
        mine = {name: path for name, path in self.machine.strangers.items() if name in names}
        return replace(self.machine.facts, strangers=mine)

    async def _load(self, files: Mapping[str, UnitFile]) -> Mapping[str, Exception]:
        self.machine.files.update(files)
        return {}

    async def _begin(self, what: str) -> None:
        self._need_bus()
        if gate := self.machine.gates.get(what):
            await gate.wait()
        if faults := self.machine.faults.get(what):
            raise faults.pop(0)
        self.machine.done.append(what)

    def _job(self, name: str) -> "asyncio.Future[str | None]":
        job: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        job.set_result(None)
        return self.machine.jobs.get(name, job)

    def _need_bus(self) -> None:
        if not self.bus.is_set():
            raise NoBus("waiting for systemd on the D-Bus system bus: it is gone")

    def _present(self, name: str) -> Present:
        file, memory = self.machine.files.get(name), self.machine.memory.get(name)
        if file and memory and memory.hash != file.hash and memory.stage is not Stage.LEAVING:
            return Present(file.hash)
        return Present(file.hash if file else None, memory.stage if memory else None)

    def _record(self, name: str, stage: Stage) -> None:
        file = self.machine.files.get(name)
        before = self.machine.memory.get(name)
        hash = file.hash if file else before.hash if before else "unknown"
        self.machine.memory[name] = Remembered(hash, stage)
        self._mark([name])

    def _mark(self, names: Collection[str]) -> None:
        self._dirty.update(names)
        if self._dirty:
            self._some.set()

    def _status(self, name: str) -> UnitStatus:
        if name in self.machine.strangers:
            return UnitStatus("loaded", "inactive", "dead")
        if name not in self.machine.files:
            return NOT_FOUND
        active = self.machine.active.get(name, "inactive")
        return UnitStatus(self._load_state(name), active, SUBS.get(active, active))

    def _load_state(self, name: str) -> str:
        text = self.machine.files[name].text
        return "loaded" if "ExecStart=" in text else "bad-setting"


def _outcome(text: str) -> str:
    if "/bin/false" in text or "/no/such/program" in text:
        return "failed"
    return "inactive" if "Type=oneshot" in text else "active"
