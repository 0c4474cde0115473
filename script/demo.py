"""What fleet does, shown on real hosts. Every step is checked: the exit status says whether it was true."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fleetlab import Host, Lab
from fleetlab.waiting import wait_until

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
WEB = [f"web@{i}.service" for i in (1, 2, 3)]
SIDEKICKS = [f"web-announce@{i}.service" for i in (1, 2, 3)]
CONFIG = {"agent_ttl": "5s", "engine_reconcile_interval": "1"}
COLOUR = sys.stdout.isatty()


class Untrue(Exception):
    """The demo claimed something that the hosts do not confirm."""


def tell(text: str) -> None:
    """What happens now, for the reader."""
    print(f"\033[1;36m{text}\033[0m" if COLOUR else text, flush=True)


@asynccontextmanager
async def step(text: str) -> AsyncIterator[None]:
    """A step with its duration."""
    tell(f"\n# {text}")
    begin = time.monotonic()
    yield
    took = f"  ({time.monotonic() - begin:.1f} s)"
    print(f"\033[2m{took}\033[0m" if COLOUR else took, flush=True)


async def fleetctl(host: Host, *words: str, check: bool = True) -> str:
    """Run fleetctl on a host and show it as a terminal would."""
    print(f"{host.name}$ fleetctl {' '.join(words)}", flush=True)
    result = await host.run("fleetctl", *words, check=check)
    print(result.stdout.expandtabs(), end="", flush=True)
    return result.stdout


async def placed(host: Host) -> dict[str, set[str]]:
    """Which machine IDs have each unit active, as the cluster says."""
    out = await host.run("fleetctl", "list-units", "--full", "--no-legend", "--fields=unit,machine,active")
    units: dict[str, set[str]] = {}
    for line in out.stdout.splitlines():
        name, machine, active = line.split()
        if active == "active":
            units.setdefault(name, set()).add(machine.split("/")[0])
    return units


async def confirm(lab: Lab, units: dict[str, set[str]]) -> None:
    """Ask every living host's own systemd whether the cluster tells the truth."""
    hosts = {h.machine_id: h for h in lab.hosts if h.alive}
    for name, machines in units.items():
        running = {
            id
            for id, host in hosts.items()
            if (await host.run("systemctl", "is-active", name, check=False)).stdout.strip() == "active"
        }
        if running != machines:
            raise Untrue(f"{name}: fleet says {sorted(machines)}, systemd says {sorted(running)}")


async def until_active(host: Host, expected: dict[str, int]) -> dict[str, set[str]]:
    """Wait until so many copies of each unit are active; returns where."""

    async def there() -> dict[str, set[str]] | None:
        units = await placed(host)
        counts = {name: len(units.get(name, ())) for name in expected}
        return units if counts == expected else None

    units = await wait_until(there, timeout=30, what=f"active units {expected}")
    assert units is not None
    return units


def expect(truth: bool, claim: str) -> None:
    """Say a claim, if it is true."""
    if not truth:
        raise Untrue(claim)
    print(f"  ✓ {claim}", flush=True)


async def start_the_cluster(lab: Lab) -> None:
    """etcd and three hosts stand already; fleetd comes up on each."""
    await lab.install_fleet(CONFIG)
    await lab.start_fleet()
    await asyncio.gather(*(host.wait_for_fleet(20) for host in lab.hosts))


async def start_the_units(h1: Host) -> dict[str, set[str]]:
    """The units of examples/, started from one host."""
    for file in (*EXAMPLES.glob("*.service"), *EXAMPLES.glob("*.service.d/*.conf")):
        h1.write(f"/root/{file.relative_to(EXAMPLES)}", file.read_text())
    names = ["hello.service", "watcher.service", *WEB, *SIDEKICKS]
    await fleetctl(h1, "start", *(f"/root/{name}" for name in names))
    return await until_active(
        h1, {"watcher.service": 3} | dict.fromkeys(["hello.service", *WEB, *SIDEKICKS], 1)
    )


def check_the_rules(units: dict[str, set[str]]) -> None:
    """What the [X-Fleet] sections of the examples ask for."""
    expect(
        len(set.union(*(units[n] for n in WEB))) == 3,
        "the three web servers, which conflict, are on three hosts",
    )
    together = all(units[s] == units[w] for s, w in zip(SIDEKICKS, WEB, strict=True))
    expect(together, "each sidekick is on the host of its web server")
    expect(len(units["watcher.service"]) == 3, "the global unit is on every host")


async def a_host_dies(lab: Lab, before: dict[str, set[str]]) -> tuple[Host, Host]:
    """Pull the plug on the busiest host; what can run elsewhere does, nothing else moves."""
    victim, survivor = busiest(lab, before)
    lost = sorted(n for n, on in before.items() if on == {victim.machine_id})
    moving = [n for n in lost if not n.startswith("web")]
    async with step(f"Pull the plug on {victim.name}, which runs {', '.join(lost)}"):
        tell("5 s after its last sign of life (30 s by default) its lease ends; its units are offered again.")
        await victim.pull_the_plug()
        after = await until_active(survivor, dict.fromkeys(moving, 1) | {"watcher.service": 2})
    await fleetctl(survivor, "list-units")
    for name in moving:
        expect(after[name] != before[name], f"{name} runs elsewhere now")
    stayed = [n for n in before if n not in lost and n != "watcher.service"]
    expect(all(after.get(n) == before[n] for n in stayed), "nothing else has moved")
    await confirm(lab, {n: after[n] for n in (*moving, *stayed, "watcher.service")})
    for name in (n for n in WEB if n in lost):
        tell(f"\n# {name} has no place now. Why?")
        await fleetctl(survivor, "why", name, check=False)
    return victim, survivor


async def the_host_returns(lab: Lab, victim: Host, survivor: Host, before: dict[str, set[str]]) -> None:
    """Units that conflict with all that the survivors run have waited; now they start."""
    waiting = [n for n in WEB if before[n] == {victim.machine_id}]
    async with step(
        f"{' and '.join(waiting)} may not join the others, so it waits. Boot {victim.name} again"
    ):
        await victim.boot()
        units = await until_active(survivor, {n: len(on) for n, on in before.items()})
    await fleetctl(survivor, "list-units")
    check_the_rules(units)
    await confirm(lab, units)
    expect(True, "every host's own systemd confirms it")


async def main() -> None:
    """The whole story."""
    begin = time.monotonic()
    tell("fleet: many hosts, each run by its own systemd, as one. These are real, on this one machine.")
    async with Lab(hosts=3) as lab:
        print(f"  three hosts have booted, and an etcd  ({time.monotonic() - begin:.1f} s)")
        async with step("Start fleetd on each host"):
            await start_the_cluster(lab)
        h1 = lab["h1"]
        await fleetctl(h1, "list-machines")

        async with step("Start a service, three web servers with a sidekick each, and a unit for every host"):
            before = await start_the_units(h1)
        tell("Each was offered to a few hosts; their agents bid, and the least loaded one got it.")
        await fleetctl(h1, "list-units")
        check_the_rules(before)
        await confirm(lab, before)
        expect(True, "every host's own systemd confirms it")

        victim, survivor = await a_host_dies(lab, before)
        await the_host_returns(lab, victim, survivor, before)
    tell(f"\nAll of it was true, in {time.monotonic() - begin:.0f} s. Nothing is left behind.")


def busiest(lab: Lab, units: dict[str, set[str]]) -> tuple[Host, Host]:
    """The host with most units that are not everywhere, and one that will survive it."""

    def load(host: Host) -> int:
        return sum(on == {host.machine_id} for on in units.values())

    by_load = sorted(lab.hosts, key=load, reverse=True)
    return by_load[0], by_load[-1]


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except Untrue as claim:
        sys.exit(f"NOT TRUE: {claim}")
    except KeyboardInterrupt:
        sys.exit(130)
