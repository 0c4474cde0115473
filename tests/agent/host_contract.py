"""What every host does, the scripted one and the real one: a class to inherit, with a fixture `bench`."""

import asyncio
from collections.abc import Callable
from typing import Protocol

import pytest

from agent.errors import HostError, NameTaken
from agent.host import Host, Present, Stage, UnitStatus
from units.file import UnitFile

STARTS = "/run/fleet-test-starts"
COUNTED = f"ExecStartPre=/bin/sh -c 'echo %n >> {STARTS}'"
SLEEPS = UnitFile.from_text(f"[Service]\n{COUNTED}\nExecStart=/bin/sleep 1000\n")
SLEEPS_LONGER = UnitFile.from_text("[Service]\nExecStart=/bin/sleep 2000\n")
FAILS = UnitFile.from_text("[Service]\nType=oneshot\nExecStart=/bin/false\n")
NO_PROGRAM = UnitFile.from_text("[Service]\nExecStart=/no/such/program\n")
DONE_AT_ONCE = UnitFile.from_text(f"[Service]\nType=oneshot\n{COUNTED}\nExecStart=/bin/true\n")
NONSENSE = UnitFile.from_text("[Service]\nType=simple\n")

UNIT = "fleet-test.service"


class Bench(Protocol):
    """A host to try things on."""

    @property
    def host(self) -> Host:
        """The host, in touch with its systemd."""

    async def restart_agent(self) -> None:
        """From now on `host` is that of another process on the same machine."""

    async def add_stranger(self, name: str) -> str:
        """Put a unit there that is not fleet's; returns its path."""

    def starts(self, name: str) -> int:
        """How often systemd has started the unit."""


class HostContract:
    """The suite."""

    async def test_a_loaded_unit_is_known_and_does_not_run(self, bench: Bench) -> None:
        await bench.host.load(UNIT, SLEEPS)
        assert await status(bench) == UnitStatus("loaded", "inactive", "dead")
        assert await bench.host.present() == {UNIT: Present(SLEEPS.hash, Stage.LOADED)}

    async def test_a_started_unit_runs(self, bench: Bench) -> None:
        await launch(bench, SLEEPS)
        await becomes(bench, lambda s: (s.active, s.sub) == ("active", "running"))
        assert await bench.host.present() == {UNIT: Present(SLEEPS.hash, Stage.LAUNCHED)}

    async def test_a_stopped_unit_stays_loaded(self, bench: Bench) -> None:
        await launch(bench, SLEEPS)
        await becomes(bench, lambda s: s.active == "active")
        await bench.host.stop(UNIT)
        assert await status(bench) == UnitStatus("loaded", "inactive", "dead")
        assert await bench.host.present() == {UNIT: Present(SLEEPS.hash, Stage.LOADED)}

    async def test_of_an_unloaded_unit_nothing_is_left_but_that_others_must_be_told(
        self, bench: Bench
    ) -> None:
        await launch(bench, SLEEPS)
        await bench.host.unload(UNIT)
        assert await status(bench) == UnitStatus("not-found", "inactive", "dead")
        assert await bench.host.present() == {}
        assert bench.host.remembered()[UNIT].stage is Stage.GONE
        await bench.host.forget([UNIT])
        assert bench.host.remembered() == {}

    async def test_what_is_still_here_is_not_forgotten(self, bench: Bench) -> None:
        await bench.host.load(UNIT, SLEEPS)
        await bench.host.forget([UNIT])
        assert UNIT in bench.host.remembered()

    async def test_a_unit_can_come_back_with_another_content(self, bench: Bench) -> None:
        await launch(bench, SLEEPS)
        await bench.host.unload(UNIT)
        await launch(bench, SLEEPS_LONGER)
        await becomes(bench, lambda s: s.active == "active")
        assert await bench.host.present() == {UNIT: Present(SLEEPS_LONGER.hash, Stage.LAUNCHED)}

    async def test_starting_what_runs_changes_nothing(self, bench: Bench) -> None:
        await launch(bench, SLEEPS)
        await bench.host.load(UNIT, SLEEPS)
        await bench.host.start(UNIT)
        await becomes(bench, lambda s: s.active == "active")
        assert bench.starts(UNIT) == 1

    @pytest.mark.parametrize("file", [FAILS, NO_PROGRAM], ids=["fails", "has no program"])
    async def test_a_unit_that_fails_is_launched_and_can_be_unloaded(
        self, bench: Bench, file: UnitFile
    ) -> None:
        await launch(bench, file)
        await becomes(bench, lambda s: s.active == "failed")
        assert bench.host.remembered()[UNIT].stage is Stage.LAUNCHED
        await bench.host.unload(UNIT)
        assert await status(bench) == UnitStatus("not-found", "inactive", "dead")

    async def test_a_unit_systemd_makes_no_sense_of_is_refused_at_its_start_and_can_be_unloaded(
        self, bench: Bench
    ) -> None:
        await bench.host.load(UNIT, NONSENSE)
        assert (await status(bench)).load == "bad-setting"
        with pytest.raises(HostError, match="refused to start"):
            await bench.host.start(UNIT)
        assert bench.host.remembered()[UNIT].asked
        await bench.host.unload(UNIT)
        assert await bench.host.present() == {}
        assert (await status(bench)).load == "not-found"

    async def test_a_unit_of_the_hosts_own_is_refused_and_left_alone(self, bench: Bench) -> None:
        path = await bench.add_stranger(UNIT)
        with pytest.raises(NameTaken, match=path):
            await bench.host.load(UNIT, SLEEPS)
        assert await bench.host.present() == {}
        assert (await status(bench)).load == "loaded"

    async def test_whose_name_is_taken_is_known_before(self, bench: Bench) -> None:
        path = await bench.add_stranger(UNIT)
        facts = await bench.host.facts([UNIT, "fleet-other.service"])
        assert (facts.silent, facts.strangers) == (None, {UNIT: path})

    async def test_a_unit_of_fleets_own_does_not_count_as_taken(self, bench: Bench) -> None:
        await launch(bench, SLEEPS)
        assert (await bench.host.facts([UNIT])).strangers == {}

    async def test_a_host_knows_its_memory_and_its_disk(self, bench: Bench) -> None:
        facts = await bench.host.facts([])
        assert 0 < facts.memory_available <= facts.memory_total
        assert facts.disk_free

    async def test_a_restarted_agent_finds_all_as_it_was_and_running(self, bench: Bench) -> None:
        await launch(bench, SLEEPS)
        await becomes(bench, lambda s: s.active == "active")
        await bench.restart_agent()
        assert await bench.host.present() == {UNIT: Present(SLEEPS.hash, Stage.LAUNCHED)}
        assert (await status(bench)).active == "active"
        assert bench.starts(UNIT) == 1

    async def test_a_restarted_agent_knows_that_a_unit_that_has_ended_was_launched(
        self, bench: Bench
    ) -> None:
        await launch(bench, DONE_AT_ONCE)
        await becomes(bench, lambda s: s.active == "inactive" and bench.starts(UNIT) == 1)
        await bench.restart_agent()
        assert await bench.host.present() == {UNIT: Present(DONE_AT_ONCE.hash, Stage.LAUNCHED)}
        assert bench.starts(UNIT) == 1

    async def test_each_change_is_announced(self, bench: Bench) -> None:
        await bench.host.load(UNIT, SLEEPS)
        await announced(bench)
        await bench.host.start(UNIT)
        await announced(bench)
        await bench.host.unload(UNIT)
        await announced(bench)

    async def test_a_restarted_agent_looks_at_everything(self, bench: Bench) -> None:
        await bench.host.load(UNIT, SLEEPS)
        await bench.restart_agent()
        await announced(bench)

    async def test_units_that_are_loaded_together_all_come_up(self, bench: Bench) -> None:
        names = [f"fleet-test-{i}.service" for i in range(10)]
        await asyncio.gather(*(bench.host.load(name, SLEEPS) for name in names))
        await asyncio.gather(*(bench.host.start(name) for name in names))
        await asyncio.gather(*(becomes(bench, lambda s: s.active == "active", name) for name in names))
        await asyncio.gather(*(bench.host.unload(name) for name in names))
        assert await bench.host.present() == {}


async def launch(bench: Bench, file: UnitFile) -> None:
    await bench.host.load(UNIT, file)
    await bench.host.start(UNIT)


async def status(bench: Bench, name: str = UNIT) -> UnitStatus:
    found = (await bench.host.states([name]))[name]
    return UnitStatus(found.load, found.active, found.sub)


async def becomes(bench: Bench, wanted: Callable[[UnitStatus], bool], name: str = UNIT) -> None:
    """Wait until systemd says so."""
    async with asyncio.timeout(10):
        while not wanted(await status(bench, name)):
            await bench.host.changed()


async def announced(bench: Bench) -> None:
    async with asyncio.timeout(10):
        assert UNIT in await bench.host.changed()
