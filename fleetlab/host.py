"""A host: a real systemd on its own root, its own network, its own process tree. Spoken to in verbs."""

import asyncio
import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from fleetlab import faults, fleetapi, slow
from fleetlab.boot import carry, leader_of, listening, nspawn_argv, ready
from fleetlab.cgroups import Cgroup
from fleetlab.commands import run
from fleetlab.errors import LabError, Result
from fleetlab.network import Network
from fleetlab.paths import inside
from fleetlab.processes import Process
from fleetlab.state import Faults, HostRecord, save
from fleetlab.teardown import cgroup_of, forget_nspawn, machine_of
from fleetlab.waiting import wait_until

POWER_OFF = signal.SIGRTMIN + 4  # what systemd(1) takes for "systemctl poweroff"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a host needs to know of its lab."""

    network: Network
    directory: Path
    etcd: tuple[str, ...]
    binds: tuple[Path, ...]


class Host:
    """One host of a lab. It keeps its root, its machine ID and its address from boot to boot."""

    def __init__(self, lab: Surroundings, record: HostRecord) -> None:
        self._lab = lab
        self._record = record
        self._child: subprocess.Popen[bytes] | None = None
        self._group = Cgroup(cgroup_of(lab.network.lab, "hosts", record.name))

    def __repr__(self) -> str:
        return f"<Host {self.name} {self.address} {'up' if self.alive else 'down'}>"

    @property
    def name(self) -> str:
        """Its hostname: h1, h2, …"""
        return self._record.name

    @property
    def address(self) -> str:
        """Its IPv4 address on the lab's network."""
        return self._record.address

    @property
    def machine_id(self) -> str:
        """Its machine ID, 32 hexadecimal digits."""
        return self._record.machine_id

    @property
    def netns(self) -> str:
        """The name of its network namespace (there while it runs)."""
        return self._lab.network.netns_of(self.name)

    @property
    def directory(self) -> Path:
        """Where the lab keeps what belongs to this host."""
        return self._lab.directory / "hosts" / self.name

    @property
    def root(self) -> Path:
        """Its root directory as seen from outside, without what it has mounted itself (/run, /tmp)."""
        return self.directory / "root"

    @property
    def leader(self) -> int | None:
        """The machine's pid of the host's first process; None when it is down."""
        process = self._record.process
        return leader_of(process) if process and process.alive else None

    @property
    def alive(self) -> bool:
        """Whether it runs (a paused one does, too)."""
        return self.leader is not None

    @property
    def faults(self) -> Faults:
        """What is wrong with its network on purpose."""
        return self._record.faults

    @property
    def paused(self) -> bool:
        """Whether all its processes are stopped."""
        return self._group.frozen

    # Inside the host

    async def run(
        self, *argv: str, check: bool = True, timeout: float = 30, given: str | None = None
    ) -> Result:
        """Run a command in the host as root; `CommandFailed` if it ends badly and `check` is set."""
        return await run(*argv, via=self.enter(), where=self.name, check=check, timeout=timeout, given=given)

    def enter(self) -> tuple[str, ...]:
        """The beginning of a command line that runs what follows in the host."""
        return ("nsenter", "--target", str(self._need_leader()), "--all", "--")

    def path_of(self, path: str) -> Path:
        """Where a path of the running host is seen from outside, its own mounts included."""
        return inside(Path(f"/proc/{self._need_leader()}/root"), path)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file in the host, up or down; missing directories are made."""
        place = self._place(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(mode)

    def read(self, path: str) -> str:
        """What a file in the host holds, up or down."""
        return self._place(path).read_text()

    def link(self, path: str, target: str) -> None:
        """Make `path` in the host, up or down, a symbolic link to `target`."""
        place = self._place(str(Path(path).parent)) / Path(path).name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.symlink_to(target)

    def _place(self, path: str) -> Path:
        return self.path_of(path) if self.alive else inside(self.root, path)

    def _need_leader(self) -> int:
        leader = self.leader
        if leader is None:
            raise LabError(f"{self.name} is not running (boot it first)")
        return leader

    # Power

    async def boot(self, timeout: float = 30) -> None:
        """Boot from its root: the first time, or again as the same machine (seconds)."""
        if self.alive:
            raise LabError(f"{self.name} is running already")
        await self._bury()
        network = self._lab.network
        await network.join(self.name, self.address)
        if self.faults != Faults():
            await self._apply(self.faults)
        machine = machine_of(network.lab, self.name)
        argv = nspawn_argv(self.root, machine=machine, netns=self.netns, binds=self._lab.binds)
        try:
            with listening(self.directory) as said:
                self._child = carry(argv, self._group, self.directory)
                self._note(replace(self._record, process=Process.of(self._child.pid)))
                await ready(said, self._child, self.directory, timeout)
            await self.run("systemctl", "is-system-running", "--wait", check=False, timeout=timeout)
        except BaseException:
            await self.pull_the_plug()  # half a host is none
            raise

    async def pull_the_plug(self) -> None:
        """Take its power: nothing in it runs on, nothing is sent any more, not even a goodbye."""
        with suppress(LabError):  # it may have no cable, being down
            await faults.cable(self._lab.network, self.name, cut=True)
        await self._bury()

    async def power_off(self, timeout: float = 90) -> None:
        """Shut it down in order, and wait until it is off (seconds)."""
        process = self._record.process
        os.kill(self._need_leader(), POWER_OFF)
        await wait_until(lambda: not (process and process.alive), timeout, f"{self.name} to power off")
        await self._bury()

    async def reboot(self) -> None:
        """Shut it down in order and boot it again."""
        await self.power_off()
        await self.boot()

    async def _bury(self) -> None:
        """End what is left of it, and drop its network with what hangs in the buffers."""
        await self._group.kill()
        self.collect()
        await asyncio.to_thread(self._group.remove)  # with its limits and whether it was frozen
        forget_nspawn(self.root, machine_of(self._lab.network.lab, self.name))
        await slow.take_out(self._lab.network, self.name)
        await self._lab.network.leave(self.name)
        self._note(replace(self._record, process=None))

    def collect(self) -> None:
        """Take note of the end of nspawn if it was started by this process. It must be dead."""
        if self._child is not None:
            self._child.wait()
            self._child = None

    async def pause(self) -> None:
        """Stop all its processes where they stand; its clock and its network go on."""
        await self._group.freeze(True)

    async def resume(self) -> None:
        """Let a paused host go on."""
        await self._group.freeze(False)

    # Its network

    async def cut_cable(self) -> None:
        """Take its network cable out."""
        await self._change(replace(self.faults, cable_cut=True))

    async def heal_cable(self) -> None:
        """Put its network cable back."""
        await self._change(replace(self.faults, cable_cut=False))

    async def cut_from_etcd(self) -> None:
        """Lose silently all packets between it and etcd, and no others."""
        await self._change(replace(self.faults, etcd_cut=True))

    async def heal_etcd(self) -> None:
        """Let packets between it and etcd pass again."""
        await self._change(replace(self.faults, etcd_cut=False))

    async def impair(self, delay_ms: float = 0, loss_percent: float = 0) -> None:
        """Delay what it sends, and lose a share of what it sends and receives; zeros clear both."""
        if delay_ms < 0 or not 0 <= loss_percent <= 100:
            raise LabError(f"no network is {delay_ms} ms late and loses {loss_percent} % of its packets")
        await self._change(replace(self.faults, delay_ms=delay_ms, loss_percent=loss_percent))

    async def heal(self) -> None:
        """Undo all that was done to its network."""
        await self._change(Faults())

    async def _change(self, wanted: Faults) -> None:
        if self.alive:  # a host that is down gets them when it boots
            await self._apply(wanted)
        self._note(replace(self._record, faults=wanted))

    async def _apply(self, wanted: Faults) -> None:
        await faults.apply(self._lab.network, self.name, wanted, self._lab.etcd)

    # What it says

    async def journal(self, unit: str | None = None) -> str:
        """Its journal since its first boot, or one unit's; also when it is down or paused."""
        directory = self.root / "var/log/journal" / self.machine_id
        selected = () if unit is None else ("--unit", unit)
        argv = ("journalctl", "--no-pager", "--quiet", "--output=short-precise", f"--directory={directory}")
        return (await run(*argv, *selected, where=self.name)).stdout

    async def wait_for_fleet(self, timeout: float = 10) -> None:
        """Wait until fleet's API answers on the host's socket (seconds)."""
        await fleetapi.wait_for_answer(lambda: self.path_of("/run/fleet.sock"), self.name, timeout)

    def _note(self, record: HostRecord) -> None:
        save(self.directory, record)
        self._record = record
