"""How one unit finds its machine: offers go out, bids come in, the lowest one wins.

Rule 1: an auction ends as soon as no answer that is still missing could change its outcome, and at the
        latest when the bid window is over: a hung host costs others nothing but that window.
Rule 2: a price is what a host adds to the load that the engine counts there, so among equal hosts the
        outcome is exactly "least loaded, ties by machine ID" (fleet 1.0, scheduling.md §8.4).
Rule 3: the window of a round opens when its offers are written, however long that takes.
"""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, replace

from registry.records import Answer, Bid, no_entries

BID_WINDOW = 0.5
"""Seconds that an agent has to answer an offer. Answering takes it milliseconds."""

ASKED_AT_ONCE = 3
"""How many machines are asked in one round: so many that one refusal or one hung host costs no round."""


@dataclass(frozen=True, slots=True)
class Auction:
    """One round of one unit, as the leading engine remembers it. Times are of the event loop's clock."""

    name: str
    hash: str
    id: str
    asked: tuple[str, ...]
    deadline: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a round has come to: it goes on, or it is over, with a winner or without."""

    over: bool
    winner: str | None = None
    price: float = 0.0
    favourite: str | None = None
    """While it goes on: the machine that wins if all that is still to come asks nothing."""
    refused: Mapping[str, str] = field(default_factory=no_entries)
    """Machines that will not, with their reasons."""
    silent: tuple[str, ...] = ()
    """Machines that let the window pass without an answer."""


def judge(
    auction: Auction,
    bids: Mapping[str, Bid],
    *,
    now: float,
    load: Callable[[str], int],
    fits: Callable[[str], bool],
) -> Outcome:
    """What a round has come to at `now` (seconds). A machine that no longer fits is as if never asked."""
    asked = [m for m in auction.asked if fits(m)]
    answers = {m: bid for m in asked if (bid := bids.get(m)) and bid.offer == auction.id}
    missing = tuple(m for m in asked if m not in answers)
    refused = {m: bid.refusal for m, bid in answers.items() if bid.refusal is not None}
    late = now >= auction.deadline
    silent = missing if late else ()
    priced = sorted((load(m) + bid.price, m) for m, bid in answers.items() if bid.refusal is None)
    hopes = sorted((float(load(m)), m) for m in missing if not late)
    if priced and (not hopes or priced[0] <= hopes[0]):
        winner = priced[0][1]
        return Outcome(True, winner, answers[winner].price, refused=refused, silent=silent)
    if hopes:
        return Outcome(False, favourite=min(priced + hopes)[1], refused=refused)
    return Outcome(True, refused=refused, silent=silent)


def windows_opened(
    auctions: Mapping[str, Auction], before: Mapping[str, Auction], now: float
) -> dict[str, Auction]:
    """The rounds, by unit name; those that are not among `before` have their whole window from `now` on."""
    known = {auction.id for auction in before.values()}
    return {
        name: auction if auction.id in known else replace(auction, deadline=now + BID_WINDOW)
        for name, auction in auctions.items()
    }


def answers(
    auction: Auction, bids: Mapping[str, Bid], load: Callable[[str], int], present: Container[str]
) -> tuple[Answer, ...]:
    """What each machine said that was asked in a round, with the load that the engine counts there."""
    said = []
    for machine in auction.asked:
        bid = bids.get(machine)
        if bid is None or bid.offer != auction.id or machine not in present:
            said.append(Answer(machine))
        elif bid.refusal is not None:
            said.append(Answer(machine, refusal=bid.refusal))
        else:
            said.append(Answer(machine, load(machine), bid.price))
    return tuple(said)
