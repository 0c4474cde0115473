"""Putting fleet on hosts: configuration, systemd units, commands. Knows fleet's paths, not its code."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from fleetlab.errors import NotPossible
from fleetlab.host import Host
from fleetlab.interpreter import PROJECT, script
from fleetlab.state import FleetRecord

PACKAGING = PROJECT / "packaging" / "systemd"
SYSTEM = "/etc/systemd/system"
UNITS = ("fleet.socket", "fleet.service")
API_PORT = 49153
SERVICE_DROP_IN = """\
[Service]
ExecStart=
ExecStart={fleetd}
"""
SOCKET_DROP_IN = """\
[Socket]
ListenStream={port}
"""


async def install(host: Host, fleet: FleetRecord, endpoints: Sequence[str]) -> None:
    """Write all of fleet's files on a running host; nothing is started."""
    again = _exists(host, f"{SYSTEM}/fleet.service")
    host.write("/etc/fleet/fleet.conf", fleet_conf(options(host, fleet, endpoints)))
    for unit in UNITS:
        host.write(f"{SYSTEM}/{unit}", _packaged(unit))
    host.write(f"{SYSTEM}/fleet.service.d/10-lab.conf", SERVICE_DROP_IN.format(fleetd=script("fleetd")))
    if fleet.listen_tcp:
        host.write(f"{SYSTEM}/fleet.socket.d/10-lab.conf", SOCKET_DROP_IN.format(port=API_PORT))
    for command in ("fleetd", "fleetctl"):
        host.link(f"/usr/local/bin/{command}", str(script(command)))
    if again:  # systemd has read the files that were there before
        await host.run("systemctl", "daemon-reload")


async def start(host: Host) -> None:
    """Start fleet now and at each boot of the host."""
    for unit in UNITS:
        host.link(f"{SYSTEM}/lab.target.wants/{unit}", f"{SYSTEM}/{unit}")
    await host.run("systemctl", "start", *UNITS)


def options(host: Host, fleet: FleetRecord, endpoints: Sequence[str]) -> dict[str, str]:
    """The host's options: the lab's own, then those for all hosts, then those for this one."""
    own = {"etcd_servers": ",".join(endpoints), "public_ip": host.address}
    return own | fleet.config | fleet.per_host.get(host.name, {})


def fleet_conf(wanted: Mapping[str, str]) -> str:
    """The text of fleet.conf with these options."""
    return "".join(f"{key}={_quoted(value)}\n" for key, value in wanted.items())


def _quoted(value: str) -> str:
    """The value so that fleet reads it whole: in quotes nothing is cut off as a comment."""
    return f"'{value}'" if '"' in value else f'"{value}"'


def _packaged(unit: str) -> str:
    try:
        return (PACKAGING / unit).read_text()
    except FileNotFoundError:
        raise NotPossible(
            f"{PACKAGING / unit} is not there (run from a checkout: pip install -e .)"
        ) from None


def _exists(host: Host, path: str) -> bool:
    return Path(host.path_of(path)).exists()
