"""The connection to systemd from one session to the next."""

import asyncio
from contextlib import suppress

from agent.loop import Agent
from registry.memory import MemoryRegistry, MemoryStore
from tests.agent.scripted import Machine, ScriptedHost
from tests.agent.world import ME
from units.machine import Machine as Present


class SlowToPart(ScriptedHost):
    """Its connection takes a moment to close, as a real one does."""

    async def watch(self) -> None:
        try:
            await super().watch()
        finally:
            await asyncio.sleep(0.02)


async def test_a_run_that_is_cancelled_while_it_ends_leaves_the_next_one_in_touch(machine: Machine) -> None:
    store = MemoryStore()
    host = SlowToPart(machine)
    agent = Agent(MemoryRegistry(store), host, ME)
    async with asyncio.timeout(5), MemoryRegistry(store).join(Present(ME), ttl=60) as session:
        for _ in range(2):
            run = asyncio.create_task(agent.run(session))
            await host.reachable()
            run.cancel()
            await asyncio.sleep(0.01)  # it is closing the connection now
            run.cancel()
            with suppress(asyncio.CancelledError):
                await run
