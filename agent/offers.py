"""Answers the offers of the leading engine, at once, whatever else the agent is busy with."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from agent.backoff import FIRST
from agent.bid import answer
from agent.host import Host
from registry.errors import Lost, RegistryError
from registry.port import Session, View
from registry.records import Offer, Picture

log = logging.getLogger(__name__)


class Bidder:
    """Answers each offer to one machine once."""

    def __init__(
        self, host: Host, session: Session, machine: str, *, is_leaving: Callable[[], bool] = lambda: False
    ) -> None:
        self._is_leaving = is_leaving
        self._host = host
        self._session = session
        self._machine = machine
        self._answered: frozenset[str] = frozenset()

    async def run(self, view: View) -> None:
        """Answer the offers that stand, then each new one, until the session is lost. Raises Lost."""
        while True:
            picture = view.picture
            try:
                await self._answer(picture)
            except Lost:
                raise
            except RegistryError as error:
                log.warning("could not answer offers: %s", error)
                await asyncio.sleep(FIRST)
                continue
            await view.after(picture)

    async def _answer(self, picture: Picture) -> None:
        standing = offers_to(self._machine, picture)
        fresh = [offer for offer in standing if offer.id not in self._answered]
        if fresh:
            facts = await self._host.facts([offer.name for offer in fresh])
            facts = replace(facts, leaving=self._is_leaving())
            bids = [answer(offer, facts) for offer in fresh]
            await self._session.bid(bids)
            for bid in bids:
                said = f"no: {bid.refusal}" if bid.refusal else f"for {bid.price:g}"
                log.info("answered the offer of %s: %s", bid.name, said)
        self._answered = frozenset(offer.id for offer in standing)


def offers_to(machine: str, picture: Picture) -> tuple[Offer, ...]:
    """The offers that stand for this machine, by unit name."""
    return tuple(of[machine] for _, of in sorted(picture.offers.items()) if machine in of)
