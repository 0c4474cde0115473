"""The right to write the schedule, over a lease."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from registry.errors import Deposed
from registry.keyvalue.lease import Lease
from registry.keyvalue.store import Store
from registry.keyvalue.writes import Tenure
from registry.port import EngineWrite

log = logging.getLogger(__name__)


class LeaseLeadership:
    """See `registry.port.Leadership`."""

    def __init__(self, store: Store, tenure: Tenure, lease: Lease) -> None:
        self._store = store
        self._tenure = tenure
        self.lease = lease

    async def commit(self, writes: Sequence[EngineWrite]) -> int:
        revision = 0
        for transaction in self._tenure.commit(writes):
            if not self.lease.is_certain:
                raise Deposed("the lease of the leader may have ended: nothing was written")
            outcome = await self._store.commit(transaction)
            if not outcome.took_place:
                self.lease.give_up()
                raise Deposed("another engine leads, or none: nothing was written")
            revision = outcome.revision
        return revision or await self._store.revision()

    async def wait_lost(self) -> None:
        await self.lease.wait_uncertain()

    async def resign(self) -> None:
        await self.lease.end()
        log.info("resigned: another engine can lead")
