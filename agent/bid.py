"""What this host answers to an offer: a price, or the reason why it will not.

Rule 1: healthy hosts bid 0, so that the counts of the engine alone decide between them.
Rule 2: the first objection in the order of OBJECTIONS is the one that is said.
"""

from collections.abc import Callable

from agent.host import HostFacts
from registry.records import Bid, Offer

MIB = 1 << 20
LEAST_MEMORY = 32 * MIB
"""Bytes; with less than this available, the next process may be the kernel's next victim."""
TIGHT_MEMORY = 0.05
"""The part of all memory below which a host would rather not."""
TIGHT_PRICE = 1.0
"""In units of load: as if one more unit were here."""
LEAST_DISK = 64 * 1024
"""Bytes; less than this does not hold a few unit files."""

Objection = Callable[[str, HostFacts], str | None]


def answer(offer: Offer, facts: HostFacts) -> Bid:
    """The bid on an offer."""
    for objection in OBJECTIONS:
        if said := objection(offer.name, facts):
            return Bid(offer.machine, offer.name, offer.id, refusal=said)
    return Bid(offer.machine, offer.name, offer.id, price=price(facts))


def price(facts: HostFacts) -> float:
    """What this host adds to the load that the engine counts."""
    tight = facts.memory_available < TIGHT_MEMORY * facts.memory_total
    return TIGHT_PRICE if tight else 0.0


def leaves(name: str, facts: HostFacts) -> str | None:
    """A host that gives its units away takes no new ones."""
    return "fleet is being stopped on this host" if facts.leaving else None


def hears_nothing(name: str, facts: HostFacts) -> str | None:
    """Without systemd nothing can run."""
    return facts.silent


def has_a_stranger(name: str, facts: HostFacts) -> str | None:
    """A unit of the host is never replaced by one of fleet's."""
    path = facts.strangers.get(name)
    return None if path is None else f"the host already has a unit of that name that is not fleet's: {path}"


def lacks_memory(name: str, facts: HostFacts) -> str | None:
    """A host at the end of its memory would kill what it has."""
    if not facts.memory_total or facts.memory_available >= LEAST_MEMORY:
        return None
    left, total = facts.memory_available // MIB, facts.memory_total // MIB
    return f"memory is short: {left} MiB available of {total} MiB"


def lacks_directory(name: str, facts: HostFacts) -> str | None:
    """Unit files have to go somewhere."""
    return facts.no_directory


def lacks_disk(name: str, facts: HostFacts) -> str | None:
    """A unit whose file cannot be written cannot run."""
    if facts.disk_free is None or facts.disk_free >= LEAST_DISK:
        return None
    return f"the disk under {facts.directory} is full: {facts.disk_free} bytes free"


OBJECTIONS: tuple[Objection, ...] = (
    leaves,
    hears_nothing,
    has_a_stranger,
    lacks_memory,
    lacks_directory,
    lacks_disk,
)
