"""What a host answers to an offer."""

from dataclasses import replace

import pytest

from agent.bid import MIB, answer
from agent.host import HostFacts
from registry.records import Bid, Offer

OFFER = Offer("m1", "a.service", "o1", "0" * 40)
HEALTHY = HostFacts(
    memory_available=4096 * MIB, memory_total=8192 * MIB, directory="/run/fleet/units", disk_free=1 << 30
)

CASES: dict[str, tuple[HostFacts, str | None]] = {
    "a healthy host bids": (HEALTHY, None),
    "a host that gives its units away refuses": (
        replace(HEALTHY, leaving=True),
        "fleet is being stopped on this host",
    ),
    "a host whose systemd is silent refuses": (
        replace(HEALTHY, silent="systemd does not answer within 0.5 s"),
        "systemd does not answer within 0.5 s",
    ),
    "a host that has a unit of that name refuses and says where": (
        replace(HEALTHY, strangers={"a.service": "/etc/systemd/system/a.service"}),
        "the host already has a unit of that name that is not fleet's: /etc/systemd/system/a.service",
    ),
    "another name that is taken does not matter": (replace(HEALTHY, strangers={"b.service": "/x"}), None),
    "a host out of memory refuses": (
        replace(HEALTHY, memory_available=20 * MIB),
        "memory is short: 20 MiB available of 8192 MiB",
    ),
    "a host whose memory is not known bids": (replace(HEALTHY, memory_available=0, memory_total=0), None),
    "a host with a full disk refuses": (
        replace(HEALTHY, disk_free=0),
        "the disk under /run/fleet/units is full: 0 bytes free",
    ),
    "a host that cannot write unit files refuses": (
        replace(HEALTHY, no_directory="could not make /run/fleet/units: Read-only file system"),
        "could not make /run/fleet/units: Read-only file system",
    ),
    "a host whose disk is not known bids": (replace(HEALTHY, disk_free=None), None),
}


@pytest.mark.parametrize(("facts", "refusal"), CASES.values(), ids=CASES.keys())
def test_table(facts: HostFacts, refusal: str | None) -> None:
    assert answer(OFFER, facts) == Bid("m1", "a.service", "o1", price=0.0, refusal=refusal)


def test_a_host_with_little_memory_left_asks_a_price() -> None:
    assert answer(OFFER, replace(HEALTHY, memory_available=300 * MIB)).price == 1.0
