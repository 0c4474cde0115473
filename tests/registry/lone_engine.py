"""A process that is an engine and nothing else: `python -m tests.registry.lone_engine URL PREFIX MACHINE`."""

from __future__ import annotations

import asyncio
import logging
import sys

from engine.loop import run
from registry.open import Settings, open_registry

INTERVAL = 0.4
"""Seconds; the leader's lease is five times as long, and not shorter than etcd's shortest of 2 s."""


async def main(url: str, prefix: str, machine: str) -> None:
    registry = open_registry(Settings(servers=(url,), prefix=prefix))
    await run(registry, machine, interval=INTERVAL, grace=3.0)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    asyncio.run(main(*sys.argv[1:4]))
