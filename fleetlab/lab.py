"""A lab: hosts and an etcd on a network of their own, there for as long as its owner wants it."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from fleetlab import install, preflight, proxy, ssh, subnets
from fleetlab.claims import claim, forget
from fleetlab.commands import run
from fleetlab.errors import LabError, NoSuch, Result
from fleetlab.etcd import Etcd
from fleetlab.guard import Guard
from fleetlab.host import Host, Surroundings
from fleetlab.interpreter import needed, to_bind
from fleetlab.network import Network, in_netns
from fleetlab.processes import Process
from fleetlab.root import lay_out, mount
from fleetlab.state import (
    FleetRecord,
    HostRecord,
    LabRecord,
    MemberRecord,
    find,
    load_hosts,
    load_members,
    save,
)
from fleetlab.waiting import together


class Lab:
    """Real hosts on one machine. `async with Lab(hosts=3) as lab:` boots them and leaves nothing behind.

    Several labs live side by side, in one process or in many. Hosts are h1, h2, …; etcd members m1, m2, …
    """

    def __init__(
        self,
        hosts: int = 3,
        etcd_members: int = 1,
        *,
        name: str = "lab",
        unique: bool = False,
        ssh: bool = False,
        etcd_args: Sequence[str] = (),
    ) -> None:
        """Nothing happens before the lab is entered. A `unique` lab fails if one of its name is up."""
        self._wanted = (hosts, etcd_members)
        self._name = name
        self._unique = unique
        self._ssh = ssh
        self._etcd_args = tuple(etcd_args)
        self._guard: Guard | None = None
        self._record: LabRecord | None = None
        self._etcd: Etcd | None = None
        self.hosts: list[Host] = []

    @classmethod
    def attach(cls, name: str) -> "Lab":
        """The lab of this name that another process has brought up; it is not taken down with this object."""
        record = find(name)
        lab = cls(name=record.name, ssh=record.ssh, etcd_args=record.etcd_args)
        lab._use(record, load_members(record.directory))
        lab.hosts = [Host(lab._surroundings, host) for host in load_hosts(record.directory)]
        return lab

    # Coming and going

    async def __aenter__(self) -> "Lab":
        hosts, members = self._wanted
        preflight.check(etcd=members > 0, ssh=self._ssh)
        owner = Process.of(os.getpid())
        assert owner is not None  # it is this process
        record = claim(self._name, owner=owner, unique=self._unique, ssh=self._ssh, etcd_args=self._etcd_args)
        self._guard = Guard.start(record.id, owner)
        try:
            await self._start(record, hosts, members)
        except BaseException:
            await self.down()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._guard is not None:  # else it has been detached, or is down already
            await self.down()

    async def _start(self, record: LabRecord, hosts: int, members: int) -> None:
        self._use(record, _new_members(record, members))
        await self.network.create(members)
        if record.ssh:
            await ssh.make_key(record.directory)
        first = [self._new_record(number) for number in range(1, hosts + 1)]
        self.hosts = [Host(self._surroundings, host) for host in first]
        await together(self.etcd.start(), *(self._make(host) for host in self.hosts))

    def _use(self, record: LabRecord, members: Sequence[MemberRecord]) -> None:
        self._record = record
        self.network = Network(record.id, record.index)
        self._etcd = Etcd(self.network, record.directory / "etcd", members, record.etcd_args)
        addresses = tuple(member.address for member in members)
        self._surroundings = Surroundings(self.network, record.directory, addresses, tuple(to_bind(needed())))

    async def down(self) -> None:
        """Take the lab down, whoever brought it up. Once begun it is carried to its end, Ctrl-C or not."""
        if self._record is None and self._guard is None:
            return
        await asyncio.shield(asyncio.to_thread(self._take_down))
        for host in self.hosts:
            host.collect()
        for member in self.etcd.members if self._etcd else ():
            member.collect()
        self._record = self._guard = None

    def _take_down(self) -> None:
        if self._guard is not None:
            self._guard.take_down()
        elif self._record is not None:
            forget(self._record.id)

    def detach(self) -> None:
        """Let the lab stay up when its owner ends; `Lab.attach(name)` or `fleet-lab` find it again."""
        self._note(self.record.detached())
        if self._guard is not None:
            self._guard.dismiss()
            self._guard = None

    # What is in it

    @property
    def record(self) -> LabRecord:
        """What is remembered of this lab."""
        if self._record is None:
            raise LabError("this lab is not up (use it as: async with Lab() as lab)")
        return self._record

    @property
    def etcd(self) -> Etcd:
        """The lab's etcd."""
        if self._etcd is None:
            raise LabError("this lab is not up (use it as: async with Lab() as lab)")
        return self._etcd

    @property
    def directory(self) -> Path:
        """Where everything of this lab lies."""
        return self.record.directory

    @property
    def netns(self) -> str:
        """The network namespace of the bridge, from where all hosts and etcd can be reached."""
        return self.network.netns

    @property
    def ssh_key(self) -> Path:
        """The private key that opens root@ and core@ on every host, if the lab was made with `ssh`."""
        return ssh.key(self.directory)

    def __getitem__(self, name: str) -> Host:
        for host in self.hosts:
            if host.name == name:
                return host
        there = ", ".join(host.name for host in self.hosts) or "none"
        raise NoSuch(f"no host {name!r} in lab {self.record.name!r} (there are: {there})")

    async def add_host(self, machine_id: str | None = None) -> Host:
        """Boot one more host; it gets fleet, running, if the others have it."""
        number = max((host.number for host in load_hosts(self.directory)), default=0) + 1
        host = Host(self._surroundings, self._new_record(number, machine_id))
        await self._make(host)
        self.hosts.append(host)
        for each in self.hosts:
            each.write("/etc/hosts", self._hosts_file())
        if self.record.fleet is not None:
            await install.install(host, self.record.fleet, self.etcd.endpoints)
            await install.start(host)
        return host

    def _new_record(self, number: int, machine_id: str | None = None) -> HostRecord:
        if number > subnets.HOSTS:
            raise LabError(f"a lab has room for {subnets.HOSTS} hosts")
        address = subnets.host_address(self.record.index, number)
        record = HostRecord(f"h{number}", number, address, machine_id or secrets.token_hex(16))
        directory = self.directory / "hosts" / record.name
        directory.mkdir(parents=True)
        save(directory, record)
        return record

    async def _make(self, host: Host) -> None:
        """Lay out a new host's root and boot it for the first time."""
        upper = host.directory / "upper"
        upper.mkdir()
        lay_out(upper, name=host.name, machine_id=host.machine_id, hosts=self._hosts_file(), keep=needed())
        if self.record.ssh:
            await ssh.prepare(self.directory, upper, name=host.name, address=host.address)
        await mount(host.directory)
        await host.boot()

    def _hosts_file(self) -> str:
        named = [("127.0.0.1", "localhost")]
        named += [(host.address, host.name) for host in load_hosts(self.directory)]
        named += [(member.address, member.name) for member in self.etcd.members]
        return "".join(f"{address}\t{name}\n" for address, name in named)

    # fleet on it

    async def install_fleet(
        self,
        config: dict[str, str] | None = None,
        per_host: dict[str, dict[str, str]] | None = None,
        listen_tcp: bool = True,
    ) -> None:
        """Install fleet on all hosts, and on those that come later. Options are those of fleet.conf."""
        fleet = FleetRecord(config or {}, per_host or {}, listen_tcp)
        await together(*(install.install(host, fleet, self.etcd.endpoints) for host in self.hosts))
        self._note(replace(self.record, fleet=fleet))

    async def start_fleet(self, hosts: Sequence[Host] | None = None) -> None:
        """Start fleet on these hosts (all by default), now and at each of their boots."""
        await together(*(install.start(host) for host in self.hosts if hosts is None or host in hosts))

    # Reaching in, and out

    async def run_in_network(self, *argv: str, check: bool = True, timeout: float = 30) -> Result:
        """Run a command of the machine on the lab's network, beside etcd."""
        via = in_netns(self.netns)
        return await run(*argv, via=via, where="the lab's network", check=check, timeout=timeout)

    @asynccontextmanager
    async def tcp_proxy(self, host: str, port: int) -> AsyncIterator[int]:
        """A port on this machine's 127.0.0.1 that leads to a port of a host or an etcd member."""
        address = (self.etcd[host] if host.startswith("m") else self[host]).address
        async with proxy.serve(self.network, address, port) as local:
            yield local

    async def collect_journals(self, directory: Path) -> None:
        """Write each host's journal and each etcd member's log into the directory, for after a failure."""
        said = {f"{host.name}.journal": await host.journal() for host in self.hosts}
        said |= {f"{member.name}.log": member.log() for member in self.etcd.members}
        _write_all(directory, said)

    def _note(self, record: LabRecord) -> None:
        save(record.directory, record)
        self._record = record


def _write_all(directory: Path, files: dict[str, str]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (directory / name).write_text(text)


def _new_members(lab: LabRecord, count: int) -> list[MemberRecord]:
    if count > subnets.MEMBERS:
        raise LabError(f"{count} etcd members are too many (at most {subnets.MEMBERS})")
    found = [
        MemberRecord(f"m{number}", subnets.member_address(lab.index, number))
        for number in range(1, count + 1)
    ]
    for member in found:
        directory = lab.directory / "etcd" / member.name
        directory.mkdir(parents=True)
        save(directory, member)
    return found
