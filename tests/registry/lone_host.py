"""A process that is present and reports for ever: `python -m tests.registry.lone_host URL PREFIX MACHINE`.

It tells on stderr when it is no longer certain of its lease, and when a write says that it has ended.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from dataclasses import replace

from registry.errors import Lost
from registry.open import Settings, open_registry
from registry.port import Session
from tests.registry.builders import machine, report

log = logging.getLogger("host")

TTL = 2.0
BETWEEN_REPORTS = 0.02


async def main(url: str, prefix: str, id: str) -> None:
    registry = open_registry(Settings(servers=(url,), prefix=prefix))
    async with registry.join(machine(id), ttl=TTL) as session:
        watching = asyncio.create_task(_tell_when_uncertain(session))
        try:
            await _report_for_ever(session, id)
        except Lost as error:
            log.info("lost: %s", error)
        watching.cancel()
    await asyncio.Event().wait()


async def _tell_when_uncertain(session: Session) -> None:
    await session.wait_certain(False)
    log.info("the lease is not certain")


async def _report_for_ever(session: Session, id: str) -> None:
    said = report(machine=id)
    while True:
        await session.report([replace(said, since=time.time())], [])
        await asyncio.sleep(BETWEEN_REPORTS)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    asyncio.run(main(*sys.argv[1:4]))
