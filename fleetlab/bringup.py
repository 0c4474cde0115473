"""Bringing up a lab that stays: all of it works in the end, or nothing of it is there."""

import time
from collections.abc import Callable

from fleetlab.errors import LabError, TimedOut
from fleetlab.host import Host
from fleetlab.lab import Lab
from fleetlab.waiting import together

FLEET_TIMEOUT = 30
"""Seconds that fleet may take to answer on all hosts."""

NEXT = (
    ("ssh {first} -- fleetctl list-machines", "the cluster as fleet sees it"),
    ("ssh {first}", "a shell in a host; fleetctl is there"),
    ("kill {last}", "pull its plug"),
    ("boot {last}", "bring it back"),
    ("cut {last}", "take its network cable out; heal puts it back"),
    ("add", "one more host"),
    ("status", "what is up, and what is not"),
    ("down", "leave nothing behind"),
)
"""What can be done with a lab, and what it is good for."""


async def up(name: str, *, hosts: int, etcd: int, ssh: bool, fleet: bool, say: Callable[[str], None]) -> None:
    """Boot a lab, with fleet on it if asked, and leave it up; `say` is told what was done."""
    began = time.monotonic()
    async with Lab(hosts, etcd, name=name, unique=True, ssh=ssh) as lab:
        say(f"{_count(hosts, 'host')} and {_count(etcd, 'etcd member')} up after {_since(began)}")
        if fleet:
            await lab.install_fleet()
            await lab.start_fleet()
            await together(*(_wait_for_fleet(host) for host in lab.hosts))
            say(f"fleet answers on all hosts after {_since(began)}")
        lab.detach()
        if lab.hosts:
            say(advice(name, [host.name for host in lab.hosts]))


def advice(name: str, hosts: list[str]) -> str:
    """What to try on a lab with these hosts."""
    other = "" if name == "default" else f" (with FLEET_LAB={name} in the environment)"
    lines = [
        f"  fleet-lab {words.format(first=hosts[0], last=hosts[-1]):<40}{meaning}" for words, meaning in NEXT
    ]
    return "\n".join([f"\nWhat to try next{other}:", *lines])


async def _wait_for_fleet(host: Host) -> None:
    try:
        await host.wait_for_fleet(FLEET_TIMEOUT)
    except TimedOut as error:
        said = await host.journal("fleet.service")
        raise LabError(f"{error}\nits journal ends with:\n{said[-2000:].rstrip()}") from None


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _since(began: float) -> str:
    return f"{time.monotonic() - began:.1f} s"
