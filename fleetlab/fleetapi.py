"""Asking fleet's API on a host whether it is there. What it means is for others to say."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from fleetlab import http
from fleetlab.waiting import wait_until

MACHINES = "/fleet/v1/machines"


async def wait_for_answer(socket: Callable[[], Path], host: str, timeout: float) -> None:
    """Wait until the API on this Unix socket answers 200 to a list of machines (seconds)."""

    async def answers() -> bool:
        reader, writer = await asyncio.open_unix_connection(str(socket()))
        status, body = await http.get(reader, writer, MACHINES, timeout=2)
        if status != 200:
            raise ConnectionError(f"GET {MACHINES} answered {status}: {body.strip()[:200]}")
        return True

    await wait_until(answers, timeout, f"fleet's API on {host}", interval=0.05)
