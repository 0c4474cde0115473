"""A fleet cluster on real hosts, in the words of its tests."""

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from fleetlab import Host, Lab, Result, together, wait_until

QUICK = {"agent_ttl": "3s", "engine_reconcile_interval": "0.6"}
"""Leases of 3 s: as short as is sound with etcd's own shortest of 2 s."""

SLEEP = "[Service]\nExecStart=/bin/sleep infinity\n"
JOURNALS = Path(__file__).resolve().parents[2] / "test-artifacts"


def service(*fleet_lines: str, exec: str = "/bin/sleep infinity", more: str = "") -> str:
    """A service's text, with these lines in [X-Fleet]."""
    text = f"[Service]\nExecStart={exec}\n{more}"
    return text + ("\n[X-Fleet]\n" + "\n".join(fleet_lines) + "\n" if fleet_lines else "")


class Cluster:
    """A lab with fleet on every host."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def __getitem__(self, name: str) -> Host:
        return self.lab[name]

    @property
    def hosts(self) -> list[Host]:
        """The hosts that have power."""
        return [host for host in self.lab.hosts if host.alive]

    async def fleetctl(self, *words: str, on: str | None = None, check: bool = True) -> Result:
        """Run fleetctl on a host, the first that lives by default."""
        host = self.lab[on] if on else self.hosts[0]
        return await host.run("fleetctl", *words, check=check, timeout=60)

    def write(self, files: Mapping[str, str], on: str | None = None) -> list[str]:
        """Write unit files on a host; returns their paths."""
        host = self.lab[on] if on else self.hosts[0]
        for name, text in files.items():
            host.write(f"/root/{name}", text)
        return [f"/root/{name}" for name in files]

    async def start(self, files: Mapping[str, str], *flags: str, check: bool = True) -> Result:
        """Write unit files and start them."""
        return await self.fleetctl("start", *flags, *self.write(files), check=check)

    async def api(self, path: str, on: str | None = None) -> dict[str, object]:
        """GET a path of the API on a host's socket."""
        host = self.lab[on] if on else self.hosts[0]
        url = f"http://fleet/fleet/v1/{path}"
        got = await host.run("curl", "-sS", "--unix-socket", "/run/fleet.sock", url)
        parsed: dict[str, object] = json.loads(got.stdout)
        return parsed

    async def shown(self, on: str | None = None) -> dict[str, dict[str, str]]:
        """What list-units shows: unit -> host -> active state."""
        fields = "--fields=unit,machine,active"
        listed = await self.fleetctl("list-units", "--full", "--no-legend", fields, on=on)
        names = {host.machine_id: host.name for host in self.lab.hosts}
        units: dict[str, dict[str, str]] = {}
        for line in listed.stdout.splitlines():
            unit, machine, active = line.split()
            units.setdefault(unit, {})[names[machine.split("/")[0]]] = active
        return units

    async def running(self, *units: str) -> dict[str, list[str]]:
        """On which hosts systemd itself says that each unit is active."""
        found: dict[str, list[str]] = {unit: [] for unit in units}
        for host in self.hosts:
            said = await host.run("systemctl", "is-active", *units, check=False)
            for unit, state in zip(units, said.stdout.split(), strict=True):
                if state == "active":
                    found[unit].append(host.name)
        return found

    async def comes_to(self, expected: Mapping[str, object], timeout: float = 60) -> dict[str, list[str]]:
        """Wait until systemd has each unit active on so many hosts, or on just these."""

        async def there() -> dict[str, list[str]] | None:
            running = await self.running(*expected)
            fits = all(
                want in (on, len(on)) for want, on in zip(expected.values(), running.values(), strict=True)
            )
            return running if fits else None

        running = await wait_until(there, timeout, f"units running as {dict(expected)}")
        assert running is not None
        return running

    async def pid(self, unit: str, on: str) -> int:
        """The main process of a unit, in its host."""
        shown = await self.lab[on].run("systemctl", "show", "-P", "MainPID", unit)
        return int(shown.stdout)

    async def leader(self) -> str | None:
        """The host whose engine leads, by the leader key in etcd."""
        got = await self.lab.etcd.ctl("get", "--prefix", "/_coreos.com/fleet/leader", "--print-value-only")
        found = re.search(r"[0-9a-f]{32}", got)
        return next((h.name for h in self.lab.hosts if found and h.machine_id == found[0]), None)


@asynccontextmanager
async def cluster(
    name: str,
    *,
    hosts: int = 3,
    etcd_members: int = 1,
    etcd_args: Sequence[str] = (),
    config: Mapping[str, str] = QUICK,
    per_host: Mapping[str, Mapping[str, str]] | None = None,
) -> AsyncIterator[Cluster]:
    """Hosts with fleet running; their journals are kept in test-artifacts/ when it ends."""
    async with Lab(hosts=hosts, etcd_members=etcd_members, etcd_args=etcd_args) as lab:
        await lab.install_fleet(dict(config), per_host={h: dict(c) for h, c in (per_host or {}).items()})
        await lab.start_fleet()
        try:
            await together(*(host.wait_for_fleet(90) for host in lab.hosts))
            yield Cluster(lab)
        finally:
            # A fixture does not learn whether its test failed: the journals of the last run are always kept.
            await lab.collect_journals(JOURNALS / name)
