"""What fleetd costs when nothing happens: memory, processor and writes to etcd, with units that run.

    sudo .venv/bin/python bench/rest.py [UNITS_PER_HOST] [SECONDS]

Two hosts, each with that many running units (100), looked at for some time (30 s) after they have come to
rest. fleet 1.0, measured elsewhere: 17 MB at rest without load, 132-157 MB at its peak and 16-24 % of a core
with 750 idle units. This one, on two shared cores: 51 to 54 MB and 0.2 to 0.3 % with 100 units, 58 to 67 MB
(peak 68) and 0.4 to 0.6 % with 750.
"""

import asyncio
import compileall
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from fleetlab import Host, Lab, together, wait_until

PROJECT = Path(__file__).resolve().parents[1]
ROOMS = ("units", "registry", "engine", "agent", "fleetd")
SLEEP = "[Service]\nExecStart=/bin/sleep infinity\n"
TTL, INTERVAL = 30.0, 2.0
"""The defaults of agent_ttl and engine_reconcile_interval: the leader's lease lasts five intervals."""
COUNTERS = (
    "etcd_server_proposals_committed_total",
    "etcd_mvcc_put_total",
    "etcd_mvcc_delete_total",
    "etcd_debugging_lease_renewed_total",
)
"""What reaches the log of etcd, the keys written, and leases kept alive (which write nothing)."""


@dataclass(frozen=True, slots=True)
class Look:
    """A daemon at one moment. Memory in MB, processor time in seconds."""

    memory: float
    peak: float
    cpu: float


async def daemon(host: Host) -> Look:
    """How fleetd on a host does."""
    pid = (await host.run("systemctl", "show", "-P", "MainPID", "fleet.service")).stdout.strip()
    status = (await host.run("cat", f"/proc/{pid}/status")).stdout
    stat = (await host.run("cat", f"/proc/{pid}/stat")).stdout.rpartition(")")[2].split()
    kilobytes = {name: int(re.findall(rf"{name}:\s+(\d+)", status)[0]) for name in ("VmRSS", "VmHWM")}
    ticks = int(stat[11]) + int(stat[12])
    return Look(kilobytes["VmRSS"] / 1024, kilobytes["VmHWM"] / 1024, ticks / os.sysconf("SC_CLK_TCK"))


async def writes(host: Host, endpoint: str) -> dict[str, float]:
    """Counters of etcd."""
    text = (await host.run("curl", "-s", f"{endpoint}/metrics")).stdout
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in lines if name in COUNTERS}


async def fill(lab: Lab, units: int) -> None:
    """Start so many units on each host, and wait until they run."""
    for host in lab.hosts:
        text = f"{SLEEP}[X-Fleet]\nMachineID={host.machine_id}\n"
        names = [f"rest-{host.name}-{number}.service" for number in range(units)]
        for name in names:
            host.write(f"/root/{name}", text)
        await host.run("fleetctl", "start", "--no-block", *(f"/root/{name}" for name in names), timeout=300)

    async def all_run() -> bool:
        counts = [await running(host) for host in lab.hosts]
        return all(count >= units for count in counts)

    await wait_until(all_run, 300, "all units to run", interval=1)


async def running(host: Host) -> int:
    """How many of the units run on a host, as its systemd says."""
    listed = await host.run(
        "systemctl", "list-units", "--no-legend", "--plain", "--state=active", "rest-*", check=False
    )
    return len(listed.stdout.splitlines())


async def main(units: int, seconds: float) -> None:
    """Measure and print."""
    for room in ROOMS:  # as pip leaves an installation: else each daemon keeps what compiling cost it
        compileall.compile_dir(PROJECT / room, quiet=1)
    async with Lab(hosts=2) as lab:
        await lab.install_fleet({})
        await lab.start_fleet()
        await together(*(host.wait_for_fleet(30) for host in lab.hosts))
        await fill(lab, units)
        print(f"{units} units run on each of {len(lab.hosts)} hosts; at rest for 15 s, then {seconds:g} s")
        await asyncio.sleep(15)  # what is under way comes to its end; nothing says when
        first, endpoint = lab.hosts[0], lab.etcd.endpoints[0]
        counted, before = await writes(first, endpoint), [await daemon(host) for host in lab.hosts]
        await asyncio.sleep(seconds)
        after, recounted = [await daemon(host) for host in lab.hosts], await writes(first, endpoint)
    for host, old, new in zip(lab.hosts, before, after, strict=True):
        share = (new.cpu - old.cpu) / seconds * 100
        print(f"{host.name}: {new.memory:6.1f} MB (peak {new.peak:.1f}), {share:5.2f} % of a core")
    keepalives = seconds * (len(lab.hosts) * 3 / TTL + 3 / (5 * INTERVAL))
    for name in COUNTERS:
        print(f"{name:42} {recounted.get(name, 0) - counted.get(name, 0):6.0f} in {seconds:g} s")
    print(f"keepalives of the hosts' and the leader's leases should be {keepalives:.0f}")


if __name__ == "__main__":
    words = [float(word) for word in sys.argv[1:]]
    asyncio.run(main(int(words[0]) if words else 100, words[1] if len(words) > 1 else 30.0))
