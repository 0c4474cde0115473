"""Faults of a host's network, as one set of facts that is put in force as a whole.

Packets are dropped where they arrive, at both ends of the host's cable: so neither side is told, as
it would be by a rejection or a failed send, and established connections are hit like new ones.
"""

from collections.abc import Sequence

from fleetlab.commands import run
from fleetlab.errors import NotPossible
from fleetlab.network import Network, in_netns, ip, port
from fleetlab.state import Faults

TABLE = "fleet_lab"


def rules(faults: Faults, device: str, peers: Sequence[str], side: str) -> str:
    """nft(8) lines for what arrives on `device`; `side` is saddr or daddr, where the etcd peers are found."""
    drops = []
    if faults.etcd_cut and peers:
        drops.append(f"ip {side} {{ {', '.join(peers)} }} drop")
    if faults.loss_percent == 100:
        drops.append("drop")
    elif faults.loss_percent:
        drops.append(f"numgen random mod 100000 < {round(faults.loss_percent * 1000)} drop")
    table = f"table netdev {TABLE}_{device.replace('-', '_')}"
    lines = [table, f"delete {table}"]
    if drops:
        hook = f'type filter hook ingress device "{device}" priority 0; policy accept;'
        lines.append("\n".join([f"{table} {{", "chain arriving {", hook, *drops, "}", "}"]))
    return "\n".join(lines) + "\n"


async def apply(network: Network, host: str, faults: Faults, peers: Sequence[str]) -> None:
    """Put exactly these faults in force; `peers` are the addresses of etcd."""
    for netns, device, side in (
        (network.netns, port(host), "daddr"),
        (network.netns_of(host), "eth0", "saddr"),
    ):
        given = rules(faults, device, peers, side)
        await run("nft", "-f", "-", via=in_netns(netns), where=netns, given=given)
    await _delay(network.netns_of(host), faults.delay_ms)
    await cable(network, host, cut=faults.cable_cut)


async def cable(network: Network, host: str, *, cut: bool) -> None:
    """Take the cable out at the bridge's end, or put it back."""
    await ip(network.netns, f"link set {port(host)} {'down' if cut else 'up'}")


async def _delay(netns: str, delay_ms: float) -> None:
    tc = ("tc", "-n", netns, "qdisc")
    if not delay_ms:
        await run(*tc, "del", "dev", "eth0", "root", check=False)
        return
    result = await run(*tc, "replace", "dev", "eth0", "root", "netem", "delay", f"{delay_ms}ms", check=False)
    if result.exit_code:
        raise NotPossible(f"this kernel cannot delay packets (no netem): {result.stderr.strip()}")
