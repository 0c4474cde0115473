"""How long from a command until the unit's process runs: fleet on three hosts, beside plain systemctl.

    sudo .venv/bin/python bench/start.py [ROUNDS]

The unit writes the time at which it really started; all hosts share one clock. Rounds of the two ways take
turns in one run, so that a noisy machine is noisy for both: read the ratio.
"""

import asyncio
import statistics
import sys
import time

from fleetlab import Host, Lab, together, wait_until

STAMP = "[Service]\nExecStart=/bin/sh -c 'date +%%s.%%N > /var/lib/stamp-%n; exec sleep infinity'\n"


async def stamp(lab: Lab, unit: str) -> float:
    """When the unit's process started, wherever it did."""

    def written() -> float | None:
        for host in lab.hosts:
            file = host.root / f"var/lib/stamp-{unit}"
            if file.exists() and (text := file.read_text().strip()):
                return float(text)
        return None

    when = await wait_until(written, 20, f"{unit} to start", interval=0.005)
    assert when is not None
    return when


async def by_fleet(lab: Lab, host: Host, unit: str) -> tuple[float, float]:
    """Seconds until the process ran, and until fleetctl came back."""
    host.write(f"/root/{unit}", STAMP)
    sent = time.time()
    await host.run("fleetctl", "start", f"/root/{unit}")
    back = time.time()
    return await stamp(lab, unit) - sent, back - sent


async def by_systemctl(lab: Lab, host: Host, unit: str) -> tuple[float, float]:
    """The same work by hand on one host."""
    host.write(f"/run/units/{unit}", STAMP)
    sent = time.time()
    await host.run("sh", "-c", f"systemctl link --runtime /run/units/{unit} && systemctl start {unit}")
    back = time.time()
    return await stamp(lab, unit) - sent, back - sent


def show(name: str, times: list[float], floor: float) -> None:
    """One line of the table."""
    times = sorted(times)
    p99 = times[min(len(times) - 1, round(len(times) * 0.99))]
    p50 = statistics.median(times)
    print(f"{name:34} p50 {p50 * 1000:6.0f} ms   p99 {p99 * 1000:6.0f} ms   {p50 / floor:4.1f} x")


async def main(rounds: int) -> None:
    """Take turns, then print."""
    async with Lab(hosts=3) as lab:
        await lab.install_fleet({"agent_ttl": "30s"})
        await lab.start_fleet()
        await together(*(host.wait_for_fleet(30) for host in lab.hosts))
        h1 = lab["h1"]
        fleet, hand = [], []
        for i in range(rounds):
            fleet.append(await by_fleet(lab, h1, f"f{i}.service"))
            hand.append(await by_systemctl(lab, h1, f"s{i}.service"))
        floor = statistics.median(started for started, _ in hand)
        show("systemctl link + start: running", [started for started, _ in hand], floor)
        show("systemctl link + start: command", [back for _, back in hand], floor)
        show("fleetctl start: running", [started for started, _ in fleet], floor)
        show("fleetctl start: command", [back for _, back in fleet], floor)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)))
