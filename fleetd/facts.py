"""What this host says of itself to the cluster, kept up to date while it is a member."""

import asyncio
import logging

from fleetd import presence
from fleetd.config import Config
from registry.errors import RegistryError
from registry.port import Session
from units.machine import Machine

log = logging.getLogger(__name__)

LOOK_EVERY = 60.0
"""Seconds between two looks at the address of the host (fleet 1.0)."""


class Facts:
    """The record of this machine, from its configuration and its interfaces."""

    def __init__(self, machine_id: str, version: str, config: Config) -> None:
        self._id = machine_id
        self._version = version
        self._config = config
        self._changed = asyncio.Event()

    def reconfigure(self, config: Config) -> None:
        """Take another configuration; what follows from it is published at once."""
        self._config = config
        self._changed.set()

    async def machine(self) -> Machine:
        """The record as it is now."""
        address = self._config.public_ip or await asyncio.to_thread(presence.public_ip)
        return Machine(self._id, address, self._config.metadata, self._version)

    async def keep_published(self, session: Session, published: Machine) -> None:
        """Publish the record whenever it differs from what was published before. Never returns."""
        while True:
            await self._wait_for_change()
            machine = await self.machine()
            if machine != published:
                try:
                    await session.renew(machine)
                except RegistryError as error:
                    log.warning("changed facts of this machine are not published yet: %s", error)
                    continue
                log.info("published: address %s, metadata %s", machine.ip or "none", dict(machine.metadata))
                published = machine

    async def _wait_for_change(self) -> None:
        try:
            async with asyncio.timeout(LOOK_EVERY):
                await self._changed.wait()
        except TimeoutError:
            return
        self._changed.clear()
