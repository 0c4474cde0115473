"""How long from a change of a unit until a client of the API on another host is told of it.

    sudo .venv/bin/python bench/states.py [ROUNDS]

systemd dates each change, and the event carries that date; all hosts share one clock. One unit at a time,
then a hundred that die in one moment: of those the last one counts.
"""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress

from fleetlab import Host, Lab, together

MANY = 100
DIES = "[Service]\nExecStart=/bin/sleep infinity\nRestart=no\n[X-Fleet]\nMachineID={id}\n"
URL = "http://fleet/fleet/v1/events"


async def events(host: Host) -> AsyncIterator[tuple[str, float, float]]:
    """The units that fail, when by systemd, and when that was heard of; at first an empty name."""
    words = (*host.enter(), "curl", "-sN", "--unix-socket", "/run/fleet.sock", URL)
    child = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE, limit=1 << 24)
    assert child.stdout is not None
    try:
        kind = ""
        async for line in child.stdout:
            heard = time.time()
            word, _, rest = line.decode().rstrip("\n").partition(": ")
            kind = rest if word == "event" else kind
            if word == "data" and kind == "reset":
                yield "", heard, heard
            if word == "data" and kind == "state":
                state = json.loads(rest)
                if state["systemdActiveState"] == "failed":
                    yield state["name"], state["since"], heard
    finally:
        with suppress(ProcessLookupError):
            child.kill()  # what it runs in the host ends with the host


async def deaths(lab: Lab, names: list[str], heard: AsyncIterator[tuple[str, float, float]]) -> list[float]:
    """Kill units on the first host; seconds until each was told on the second."""
    killing = asyncio.create_task(lab["h1"].run("systemctl", "kill", "--signal=KILL", *names))
    left, took = set(names), []
    async for name, changed, told in heard:
        if name in left:
            left.discard(name)
            took.append(told - changed)
        if not left:
            break
    await killing
    return took


def show(what: str, times: list[float]) -> None:
    """One line of the table."""
    times = sorted(times)
    p99 = times[min(len(times) - 1, round(len(times) * 0.99))]
    print(f"{what:34} p50 {statistics.median(times) * 1e3:5.0f} ms   p99 {p99 * 1e3:5.0f} ms")


async def main(rounds: int) -> None:
    """Start, kill, and print."""
    async with Lab(hosts=2) as lab:
        await lab.install_fleet({"agent_ttl": "30s"})
        await lab.start_fleet()
        await together(*(host.wait_for_fleet(30) for host in lab.hosts))
        h1 = lab["h1"]
        names = [f"u{i}.service" for i in range(MANY)]
        for name in names:
            h1.write(f"/root/{name}", DIES.format(id=h1.machine_id))
        single: list[float] = []
        many: list[float] = []
        await h1.run("fleetctl", "start", *(f"/root/{name}" for name in names), timeout=60)
        heard = events(lab["h2"])
        await anext(heard)
        for i in range(rounds):
            single += await deaths(lab, [names[i]], heard)
        for _ in range(3):
            await h1.run("systemctl", "restart", *names, timeout=60)
            many.append(max(await deaths(lab, names, heard)))
        await heard.aclose()  # type: ignore[attr-defined]
        show("one unit dies: told elsewhere", single)
        show(f"{MANY} die at once: the last is told", many)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)))
