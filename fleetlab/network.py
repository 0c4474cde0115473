"""The lab's own network: one namespace with a bridge (and etcd on it), one namespace per host on a cable."""

import asyncio
from dataclasses import dataclass

from fleetlab import subnets
from fleetlab.commands import run
from fleetlab.netns import DIRECTORY, socket_in

BRIDGE = "br0"
PREFIX = "fleet-lab."


@dataclass(frozen=True, slots=True)
class Network:
    """The network of the lab with this id and index."""

    lab: str
    index: int

    @property
    def netns(self) -> str:
        """The namespace that holds the bridge and etcd."""
        return f"{PREFIX}{self.lab}"

    def netns_of(self, host: str) -> str:
        """The namespace of one host."""
        return f"{self.netns}.{host}"

    async def create(self, members: int) -> None:
        """The bridge, with its own address and one for each etcd member."""
        addresses = [subnets.gateway(self.index)]
        addresses += [subnets.member_address(self.index, n) for n in range(1, members + 1)]
        await run("ip", "netns", "add", self.netns)
        await ip(
            self.netns,
            "link set lo up",
            # An address of its own, or it takes that of the port with the lowest one and all caches go wrong.
            f"link add {BRIDGE} address {subnets.mac(addresses[0])} type bridge",
            *(f"addr add {address}/24 dev {BRIDGE}" for address in addresses),
            f"link set {BRIDGE} up",
        )

    async def join(self, host: str, address: str) -> None:
        """A fresh namespace for the host, joined to the bridge by a cable. It must have none."""
        netns = self.netns_of(host)
        await run("ip", "netns", "add", netns)
        await ip(
            self.netns,
            f"link add {port(host)} type veth peer name eth0 address {subnets.mac(address)} netns {netns}",
            f"link set {port(host)} master {BRIDGE} up",
        )
        await ip(
            netns,
            "link set lo up",
            f"addr add {address}/24 dev eth0",
            "link set eth0 up",
            f"route add default via {subnets.gateway(self.index)}",
        )

    async def leave(self, host: str) -> None:
        """Take the host's namespace away, and with it whatever its kernel still wanted to send."""
        netns = self.netns_of(host)
        if (DIRECTORY / netns).exists():
            await ip(self.netns, f"link del {port(host)}")
            await run("ip", "netns", "delete", netns)

    async def connect(self, address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A TCP connection from the bridge to an address of the lab."""
        made = socket_in(self.netns)
        try:
            await asyncio.get_running_loop().sock_connect(made, (address, port))
            return await asyncio.open_connection(sock=made)
        except BaseException:
            made.close()
            raise


async def ip(netns: str, *lines: str) -> None:
    """Carry out lines of ip(8) in a namespace."""
    await run("ip", "-n", netns, "-batch", "-", given="".join(f"{line}\n" for line in lines))


def in_netns(netns: str) -> tuple[str, ...]:
    """The beginning of a command line that runs what follows in a namespace (and changes nothing else)."""
    return ("nsenter", f"--net={DIRECTORY / netns}", "--")


def port(host: str) -> str:
    """The bridge's end of the host's cable."""
    return f"v-{host}"
