"""The presence of a host, over a lease."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Final

from registry.errors import Lost
from registry.keyvalue.lease import Lease
from registry.keyvalue.store import Store
from registry.keyvalue.transactions import Transaction
from registry.keyvalue.writes import Presence
from registry.records import Bid, Report
from units.machine import Machine

log = logging.getLogger(__name__)

REMEMBERED: Final = 600.0
"""Seconds for which it is known of a machine that it has left in order."""


class LeaseSession:
    """See `registry.port.Session`."""

    def __init__(self, store: Store, presence: Presence, lease: Lease) -> None:
        self._store = store
        self._presence = presence
        self.lease = lease

    @property
    def token(self) -> str:
        return f"{self._presence.lease:x}.{self._presence.created}"

    @property
    def is_certain(self) -> bool:
        return self.lease.is_certain

    @property
    def certain_for(self) -> float:
        return self.lease.certain_for

    async def prove(self) -> None:
        await self._commit([Transaction(self._presence.guards, ())])

    async def report(self, reports: Sequence[Report], gone: Sequence[str]) -> None:
        await self._commit(self._presence.report(reports, gone))

    async def bid(self, bids: Sequence[Bid]) -> None:
        await self._commit(self._presence.bid(bids))

    async def renew(self, machine: Machine) -> None:
        await self._commit([self._presence.renew(machine)])

    async def wait_lost(self) -> None:
        await self.lease.wait_ended()

    async def wait_certain(self, certain: bool) -> None:
        await (self.lease.wait_certain() if certain else self.lease.wait_uncertain())

    async def leave(self) -> None:
        farewell = await self._store.grant(REMEMBERED)
        await self._store.commit(self._presence.leave(farewell.id))
        await self.lease.end()
        log.info("left: machine %s is no longer present", self._presence.machine)

    async def _commit(self, transactions: Iterable[Transaction]) -> None:
        for transaction in transactions:
            if not (await self._store.commit(transaction)).took_place:
                self.lease.give_up()
                raise Lost(f"machine {self._presence.machine} is no longer present: its lease has ended")


def parsed_token(token: str) -> tuple[int, int] | None:
    """The lease and the creation of a session by its token; None for what is no token."""
    lease, _, created = token.partition(".")
    try:
        return int(lease, 16), int(created)
    except ValueError:
        return None
