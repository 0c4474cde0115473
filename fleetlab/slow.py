"""A slow piece of cable between a host and the bridge: putting it in, and taking it out again.

eth0 ── v-h1 ─ bridge                           as it is
eth0 ── v-h1 ~ (wire) ~ w-h1 ── x-h1 ─ bridge   with a delay
"""

import sys
from pathlib import Path

from fleetlab import wire
from fleetlab.cgroups import Cgroup
from fleetlab.commands import spawn
from fleetlab.network import BRIDGE, Network, in_netns, ip, port
from fleetlab.state import RUN
from fleetlab.teardown import cgroup_of
from fleetlab.waiting import wait_until


def near(host: str) -> str:
    """Where the wire hands over what the host sent."""
    return f"w-{host}"


def far(host: str) -> str:
    """Where that comes out, at the bridge."""
    return f"x-{host}"


async def put_in(network: Network, host: str) -> None:
    """Lay the cable; nothing passes before `start`."""
    _group(network, host).create()
    await ip(
        network.netns,
        f"link set {port(host)} nomaster",
        f"link add {near(host)} up type veth peer name {far(host)}",
        f"link set {far(host)} master {BRIDGE} up",
    )


async def start(network: Network, host: str, delay_ms: float) -> None:
    """Carry what the host sends `delay_ms` late, and what it is sent at once."""
    log = RUN / network.lab / "hosts" / host / "wire"
    log.write_bytes(b"")
    carrier = [sys.executable, wire.__file__, port(host), near(host), str(delay_ms)]
    argv = [*in_netns(network.netns), "/bin/sh", "-c", '"$@" &', "sh", *carrier]
    spawn(argv, into=_group(network, host).create(), log=log, env={}).wait()
    await wait_until(lambda: _carries(log), 10, f"the slow cable of {host}")


async def take_out(network: Network, host: str) -> None:
    """Join the host to the bridge directly again, if it was not."""
    group = _group(network, host)
    if not group.unified.exists():
        return
    await group.kill()
    await ip(network.netns, f"link del {near(host)}", f"link set {port(host)} master {BRIDGE}")
    group.remove()


def _group(network: Network, host: str) -> Cgroup:
    return Cgroup(cgroup_of(network.lab, "wires", host))


def _carries(log: Path) -> bool:
    return log.read_text() == "ready\n"
