"""A real etcd on the lab's own network: members that can be killed, frozen and started again."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fleetlab import http
from fleetlab.cgroups import Cgroup
from fleetlab.commands import run, spawn
from fleetlab.errors import LabError, NoSuch
from fleetlab.network import Network, in_netns
from fleetlab.processes import Process
from fleetlab.state import MemberRecord, save
from fleetlab.teardown import cgroup_of
from fleetlab.waiting import together, wait_until

CLIENT, PEER = 2379, 2380


def member_argv(
    record: MemberRecord, members: Sequence[MemberRecord], data: Path, args: Sequence[str]
) -> list[str]:
    """How a member is started, from the first etcd on the PATH; `args` come last and so win."""
    client, peer = f"http://{record.address}:{CLIENT}", f"http://{record.address}:{PEER}"
    cluster = ",".join(f"{member.name}=http://{member.address}:{PEER}" for member in members)
    options = {
        "name": record.name,
        "data-dir": str(data),
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": cluster,
        "initial-cluster-token": "fleet-lab",
        "logger": "zap",
        "log-outputs": "stderr",
    }
    return [shutil.which("etcd") or "etcd", *(f"--{key}={value}" for key, value in options.items()), *args]


class Member:
    """One member of the lab's etcd. It keeps its data from start to start."""

    def __init__(self, network: Network, directory: Path, record: MemberRecord, argv: Sequence[str]) -> None:
        self._network = network
        self._directory = directory
        self._record = record
        self._argv = argv
        self._child: subprocess.Popen[bytes] | None = None
        self._group = Cgroup(cgroup_of(network.lab, "etcd", record.name))

    def __repr__(self) -> str:
        return f"<Member {self.name} {self.endpoint} {'up' if self.alive else 'down'}>"

    @property
    def name(self) -> str:
        """m1, m2, …"""
        return self._record.name

    @property
    def address(self) -> str:
        """Its IPv4 address on the lab's network."""
        return self._record.address

    @property
    def endpoint(self) -> str:
        """Where clients reach it."""
        return f"http://{self._record.address}:{CLIENT}"

    @property
    def alive(self) -> bool:
        """Whether its process runs (a paused one does, too)."""
        return self._record.process is not None and self._record.process.alive

    @property
    def paused(self) -> bool:
        """Whether it is stopped where it stood."""
        return self._group.frozen

    async def start(self, timeout: float = 20, *, wait: bool = True) -> None:
        """Start it, and, unless `wait` is off, wait until its cluster works (seconds)."""
        if self.alive:
            raise LabError(f"etcd member {self.name} is running already")
        argv = [*in_netns(self._network.netns), *self._argv]
        self._child = spawn(argv, into=self._group.create(), log=self._directory / "log", env={})
        self._note(Process.of(self._child.pid))
        if wait:
            await self.wait_healthy(timeout)

    async def wait_healthy(self, timeout: float = 20) -> None:
        """Wait until it says that it can read with a quorum (seconds)."""
        await wait_until(self._health, timeout, f"etcd member {self.name} to be healthy")
        if not self.alive:
            raise LabError(f"etcd member {self.name} has ended; its log: {_short(self.log())}")

    async def _health(self) -> bool:
        """Whether there is nothing to wait for any more: it works, or it is dead."""
        if not self.alive:
            return True
        reader, writer = await self._network.connect(self.address, CLIENT)
        status, _ = await http.get(reader, writer, "/health", timeout=2)
        return status == 200

    async def kill(self) -> None:
        """SIGKILL; its data stays."""
        await self._group.kill()
        self.collect()
        self._group.remove()  # also forgets that it was frozen
        self._note(None)

    async def pause(self) -> None:
        """Stop it where it stands: connections stay open and nobody answers."""
        await self._group.freeze(True)

    async def resume(self) -> None:
        """Let it go on."""
        await self._group.freeze(False)

    def log(self) -> str:
        """All it has said so far."""
        return (self._directory / "log").read_text(errors="replace")

    def collect(self) -> None:
        """Take note of the end of its process if it was started by this one. It must be dead."""
        if self._child is not None:
            self._child.wait()
            self._child = None

    def _note(self, process: Process | None) -> None:
        self._record = replace(self._record, process=process)
        save(self._directory, self._record)


def _short(log: str) -> str:
    return log if len(log) <= 1000 else f"{log[:500]} … {log[-500:]}"


class Etcd:
    """The lab's etcd cluster."""

    def __init__(
        self, network: Network, directory: Path, records: Sequence[MemberRecord], args: Sequence[str]
    ) -> None:
        self._network = network
        self.members = [
            Member(
                network,
                directory / record.name,
                record,
                member_argv(record, records, directory / record.name / "data", args),
            )
            for record in records
        ]

    def __getitem__(self, name: str) -> Member:
        for member in self.members:
            if member.name == name:
                return member
        there = ", ".join(member.name for member in self.members) or "none"
        raise NoSuch(f"no etcd member {name!r} (there are: {there})")

    @property
    def endpoints(self) -> list[str]:
        """Where clients reach the members, whether they are up or not."""
        return [member.endpoint for member in self.members]

    async def start(self) -> None:
        """Start all members at once, and wait until the cluster works."""
        await together(*(member.start() for member in self.members))

    async def ctl(self, *args: str, timeout: float = 30) -> str:
        """What `etcdctl` says on the lab's network (API version 3); it asks the members that can answer."""
        via = in_netns(self._network.netns)
        able = [member.endpoint for member in self.members if member.alive and not member.paused]
        endpoints = f"--endpoints={','.join(able or self.endpoints)}"
        env = {"ETCDCTL_API": "3"}
        return (
            await run("etcdctl", endpoints, *args, via=via, where="etcd", env=env, timeout=timeout)
        ).stdout
