"""Decisions carried out: what each of them writes, and the line it leaves in the log."""

import logging
from collections.abc import Callable, Iterator, Sequence

from engine.decisions import (
    Amend,
    Award,
    CloseAuction,
    Decision,
    Explained,
    Forgotten,
    OfferUnit,
    Unschedule,
)
from registry.port import Ask, Displace, EngineWrite, Explain, Leadership, Place, Settle
from registry.records import Offer, Verdict

log = logging.getLogger(__name__)


Stamp = Callable[[Explained], Verdict]
"""Puts the times of the wall clock on a verdict."""


def writes(decision: Decision, stamp: Stamp) -> Iterator[EngineWrite]:
    """What a decision changes in the registry, in order."""
    match decision:
        case Unschedule(name, machine, _):
            yield Displace(machine, name)
        case Amend(entry, _):
            yield Place(entry)
        case OfferUnit(name, hash, id, machines, _):
            for machine in machines:
                yield Ask(Offer(machine, name, id, hash))
        case Award(entry, asked, _):
            yield Place(entry)
            yield Settle(entry.name, asked)
        case CloseAuction(name, asked, _):
            yield Settle(name, asked)
        case Explained(verdict):
            yield Explain(verdict.name, stamp(decision))
        case Forgotten(name):
            yield Explain(name, None)


def sentence(decision: Decision) -> str:
    """What has been decided, in the words of fleet 1.0 where it had some (scheduling.md §8.3)."""
    match decision:
        case Unschedule(name, machine, reason):
            return f"Unscheduled Job({name}) from Machine({machine}): {reason}"
        case Amend(entry, reason):
            return f"Amended Unit({entry.name}) on Machine({entry.machine}): {reason}"
        case OfferUnit(name, _, id, machines, reason):
            return f"Offered Unit({name}) to {', '.join(machines)} as {id}: {reason}"
        case Award(entry, _, reason):
            return f"Scheduled Unit({entry.name}) to Machine({entry.machine}): {reason}"
        case CloseAuction(name, _, reason):
            return f"Closed the auction of Unit({name}): {reason}"
        case Explained(verdict):
            return f"Explained Unit({verdict.name}): {verdict.reason}"
        case Forgotten(name):
            return f"Forgot the verdict on Unit({name})"


QUIET = OfferUnit | CloseAuction | Explained | Forgotten
"""What is logged at DEBUG only."""


async def apply(decisions: Sequence[Decision], leadership: Leadership, stamp: Stamp) -> int:
    """Carry out decisions, in order; returns the revision after the last. Raises Deposed, Unavailable."""
    revision = await leadership.commit([write for decision in decisions for write in writes(decision, stamp)])
    for decision in decisions:
        level = logging.DEBUG if isinstance(decision, QUIET) else logging.INFO
        log.log(level, "%s", sentence(decision))
    return revision
