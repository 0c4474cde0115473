"""Faults of a host's network, as one set of facts that is put in force as a whole.

Packets are dropped where they arrive, at both ends of the host's cable: so neither side is told, as
it would be by a rejection or a failed send, and established connections are hit like new ones.
"""

from collections.abc import Mapping, Sequence

from fleetlab import slow
from fleetlab.commands import run
from fleetlab.network import Network, in_netns, ip, port
from fleetlab.state import Faults


def drops(faults: Faults, peers: Sequence[str], side: str) -> list[str]:
    """Rules for what arrives at one end; `side` is saddr or daddr, where the etcd peers are found."""
    wanted = []
    if faults.etcd_cut and peers:
        wanted.append(f"ip {side} {{ {', '.join(peers)} }} drop")
    if faults.loss_percent == 100:
        wanted.append("drop")
    elif faults.loss_percent:
        wanted.append(f"numgen random mod 100000 < {round(faults.loss_percent * 1000)} drop")
    return wanted


def ruleset(rules: Mapping[str, Sequence[str]]) -> str:
    """nft(8) lines that give each device exactly these rules, whatever it had before."""
    lines = []
    for device, wanted in rules.items():
        table = f"table netdev fleet_lab_{device.replace('-', '_')}"
        lines += [table, f"delete {table}"]
        if wanted:
            hook = f'type filter hook ingress device "{device}" priority 0; policy accept;'
            lines += [f"{table} {{", "chain arriving {", hook, *wanted, "}", "}"]
    return "".join(f"{line}\n" for line in lines)


async def apply(network: Network, host: str, faults: Faults, peers: Sequence[str]) -> None:
    """Put exactly these faults in force; `peers` are the addresses of etcd."""
    await slow.take_out(network, host)
    at_bridge: dict[str, Sequence[str]] = {port(host): drops(faults, peers, "daddr")}
    if faults.delay_ms:
        await slow.put_in(network, host)
        # What the slow cable carries is not for the kernel at its ends.
        at_bridge = {port(host): ["drop"], slow.near(host): ["drop"], slow.far(host): at_bridge[port(host)]}
    await _enforce(network.netns, at_bridge)
    await _enforce(network.netns_of(host), {"eth0": drops(faults, peers, "saddr")})
    if faults.delay_ms:
        await slow.start(network, host, faults.delay_ms)
    await cable(network, host, cut=faults.cable_cut)


async def cable(network: Network, host: str, *, cut: bool) -> None:
    """Take the cable out at the bridge's end, or put it back."""
    await ip(network.netns, f"link set {port(host)} {'down' if cut else 'up'}")


async def _enforce(netns: str, rules: Mapping[str, Sequence[str]]) -> None:
    await run("nft", "-f", "-", via=in_netns(netns), where=netns, given=ruleset(rules))
