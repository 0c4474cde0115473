"""These run inside a host of a lab, started by `tests/agent/test_on_systemd.py`, never by themselves."""

import asyncio
import itertools
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext, suppress
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx

from agent.connection import LIBRARIES
from agent.local import LocalHost
from tests.agent.host_contract import STARTS

if "FLEET_INSIDE" not in os.environ:
    collect_ignore_glob = ["*"]

COUNT = itertools.count()


async def command(*argv: str, check: bool = True) -> str:
    """Run a command; what it said."""
    child = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE)
    out, _ = await child.communicate()
    assert not check or child.returncode == 0, argv
    return out.decode().strip()


async def show(name: str, property: str, *, user: bool = False) -> str:
    """What systemctl says of a unit."""
    whose = ["--user"] if user else []
    return await command("systemctl", *whose, "show", "--value", "-p", property, name)


class SystemdBench:
    """See `host_contract.Bench`: this machine, or with `user` the systemd of its root user."""

    def __init__(self, library: str, *, user: bool = False) -> None:
        self.library = library
        self.user = user
        self.directory = Path(f"/run/fleet-test-{next(COUNT)}")
        self.strangers: list[Path] = []
        self.host = self.new_host()
        self._watch: asyncio.Task[None] | None = None

    def new_host(self) -> LocalHost:
        units, memory = self.directory / "units", self.directory / "memory"
        return LocalHost.at(units, memory, user=self.user, library=self.library)

    async def start_agent(self) -> None:
        self.host = self.new_host()
        self._watch = asyncio.create_task(self.host.watch())
        await self.host.reachable()

    async def stop_agent(self) -> None:
        assert self._watch is not None
        self._watch.cancel()
        with suppress(asyncio.CancelledError):
            await self._watch

    async def restart_agent(self) -> None:
        await self.stop_agent()
        await self.start_agent()

    async def add_stranger(self, name: str) -> str:
        path = Path("/etc/xdg/systemd/user" if self.user else "/etc/systemd/system", name)
        await asyncio.to_thread(path.write_text, "[Service]\nExecStart=/bin/sleep 3000\n")
        self.strangers.append(path)
        return str(path)

    def starts(self, name: str) -> int:
        written = Path(STARTS)
        return written.read_text().split().count(name) if written.exists() else 0

    async def clean(self) -> None:
        await self.host.reachable()
        for name in await self.host.present() or ():
            await self.host.unload(name)
        await self.stop_agent()
        self.remove_files()
        if self.strangers:
            await command("systemctl", *(["--user"] if self.user else []), "daemon-reload")

    def remove_files(self) -> None:
        for path in (*self.strangers, Path(STARTS)):
            path.unlink(missing_ok=True)
        shutil.rmtree(self.directory, ignore_errors=True)


def nothing_blocks(library: str) -> AbstractContextManager[object]:
    """Fails what blocks the loop. Not for dbus-next: its file objects look as if they could block."""
    return blockbuster_ctx("agent") if library == "dbus_fast" else nullcontext()


@asynccontextmanager
async def at_work(made: SystemdBench) -> AsyncIterator[SystemdBench]:
    """The bench with an agent on it, and nothing left behind afterwards."""
    with nothing_blocks(made.library):
        await made.start_agent()
        try:
            yield made
        finally:
            await made.clean()


@pytest.fixture(params=LIBRARIES)
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[SystemdBench]:
    async with at_work(SystemdBench(request.param)) as made:
        yield made


@pytest.fixture
async def system_bench() -> AsyncIterator[SystemdBench]:
    """The same with one library, where trying both would show nothing new."""
    async with at_work(SystemdBench("dbus_fast")) as made:
        yield made


@pytest.fixture(scope="session")
def user_manager() -> None:
    """The systemd of the root user, as `systemd_user=true` has it."""
    subprocess.run(["systemctl", "start", "user@0.service"], check=True)


@pytest.fixture
async def user_bench(user_manager: None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SystemdBench]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/0")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/user/0/bus")
    async with at_work(SystemdBench("dbus_fast", user=True)) as made:
        yield made
