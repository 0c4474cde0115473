"""The scripted host keeps the contract of a host, so that what is tested on it is worth something."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.agent.host_contract import HostContract
from tests.agent.scripted import Machine, ScriptedHost


class ScriptedBench:
    """See `host_contract.Bench`."""

    def __init__(self) -> None:
        self.machine = Machine()
        self.host = ScriptedHost(self.machine)
        self.host.find_bus()

    async def restart_agent(self) -> None:
        self.host = ScriptedHost(self.machine)
        self.host.find_bus()

    async def add_stranger(self, name: str) -> str:
        self.machine.strangers[name] = f"/etc/systemd/system/{name}"
        return self.machine.strangers[name]

    def starts(self, name: str) -> int:
        return self.machine.starts[name]


@pytest.fixture
async def bench() -> AsyncIterator[ScriptedBench]:
    yield ScriptedBench()
    await asyncio.sleep(0)


class TestScriptedHost(HostContract):
    """The suite, without systemd."""
