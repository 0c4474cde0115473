"""Joining, working, losing the session, joining again, and the two ways to leave."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fleetd.api.app import Gate
from fleetd.config import Config
from fleetd.facts import Facts
from fleetd.membership import Departure, Membership, may_answer
from fleetd.rundir import RunDirectory
from registry.memory import MemoryRegistry, MemoryStore
from registry.port import Everything, Session
from registry.records import Picture
from tests.fleetd.world import eventually
from units.machine import Machine

TTL = 30.0
LOST = "Server monitor triggered: Monitor timed out before successful heartbeat"


@dataclass(slots=True)
class Tenant:
    """Stands where the agent stands, and writes down what was asked of it."""

    said: list[str] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)

    async def run(self, session: Session) -> None:
        self.said.append("serves")
        self.sessions.append(session)
        try:
            await session.wait_lost()
        finally:
            self.said.append("rests")

    async def hand_over(self) -> None:
        self.said.append("hands over")

    async def lead(self, session: Session, machine: Machine) -> None:
        """Stands where the engine stands."""
        try:
            await asyncio.Event().wait()
        finally:
            self.said.append("resigns")


@dataclass(slots=True)
class Life:
    """One daemon's membership in a cluster that others can look at."""

    store: MemoryStore
    gate: Gate
    tenant: Tenant
    facts: Facts
    membership: Membership
    directory: RunDirectory
    running: asyncio.Task[None]

    async def until(self, holds: Callable[[Picture], bool]) -> Picture:
        """Wait for a picture of the cluster like this."""
        async with MemoryRegistry(self.store).follow(Everything()) as view, asyncio.timeout(5):
            while not holds(view.picture):
                await view.after(view.picture)
            return view.picture

    async def serving(self, times: int = 1) -> None:
        """Wait until the agent serves for so many times, and the API with it."""
        await eventually(lambda: self.tenant.said.count("serves") == times)
        assert self.gate.open

    async def end(self, how: Departure) -> None:
        """Depart and wait for the end of it."""
        self.membership.depart(how)
        async with asyncio.timeout(5):
            await self.running


@asynccontextmanager
async def life(
    tmp_path: Path, store: MemoryStore | None = None, id: str = "m1", ttl: float = TTL
) -> AsyncIterator[Life]:
    """A membership that runs, on its way into a cluster."""
    store = store or MemoryStore()
    await asyncio.to_thread(tmp_path.mkdir, exist_ok=True)
    gate, tenant, directory = Gate(), Tenant(), RunDirectory(tmp_path)
    facts = Facts(id, "v2.0.0", Config(public_ip="10.0.0.1", metadata={"role": "web"}))
    works = [tenant.lead, facts.keep_published]
    registry = MemoryRegistry(store)
    membership = Membership(registry, facts, directory, tenant, works, gate=gate, ttl=ttl)
    running = asyncio.create_task(membership.run())
    try:
        yield Life(store, gate, tenant, facts, membership, directory, running)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def is_present(picture: Picture) -> bool:
    return "m1" in picture.machines


def is_away(picture: Picture) -> bool:
    return "m1" not in picture.machines


async def test_a_member_is_present_with_its_facts_and_answers_requests(tmp_path: Path) -> None:
    async with life(tmp_path) as daemon:
        assert not daemon.gate.open
        picture = await daemon.until(is_present)
        assert picture.machines["m1"] == Machine("m1", "10.0.0.1", {"role": "web"}, "v2.0.0")
        await daemon.serving()
        assert await asyncio.to_thread(daemon.directory.session_token) == daemon.tenant.sessions[0].token


async def test_leaving_for_good_the_engine_resigns_then_units_are_handed_over_then_the_host_leaves(
    tmp_path: Path,
) -> None:
    async with life(tmp_path) as daemon:
        await daemon.serving()
        await daemon.end(Departure.FOR_GOOD)
        assert daemon.tenant.said == ["serves", "resigns", "hands over", "rests"]
        await daemon.until(is_away)
        assert not daemon.gate.open
        assert await asyncio.to_thread(daemon.directory.session_token) is None


async def test_a_daemon_that_is_back_soon_keeps_units_and_presence_and_the_next_one_goes_on(
    tmp_path: Path,
) -> None:
    async with life(tmp_path) as first:
        await first.serving()
        await first.end(Departure.BACK_SOON)
        assert first.tenant.said == ["serves", "resigns", "rests"]
        await first.until(is_present)
        revision = first.store.newest
        async with life(tmp_path, first.store) as second:
            await second.serving()
            assert second.tenant.sessions[0].token == first.tenant.sessions[0].token
            assert second.store.newest == revision


async def test_a_lost_session_shuts_the_gate_touches_no_unit_and_is_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with life(tmp_path) as daemon:
        await daemon.serving()
        daemon.store.expire("m1")
        await daemon.serving(2)
        assert sorted(daemon.tenant.said) == ["resigns", "rests", "serves", "serves"]
        await daemon.until(is_present)
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert errors == [LOST]


async def test_while_etcd_is_away_the_log_says_so_once_and_then_that_it_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "fleetd")
    async with life(tmp_path, ttl=1.5) as daemon:
        await daemon.serving()
        for _ in range(2):
            caplog.clear()
            daemon.store.go_away()
            await eventually(lambda: LOST in caplog.messages)
            assert not daemon.gate.open
            daemon.store.come_back()
            await eventually(lambda: "hrt.Beat() success" in caplog.messages)
            assert daemon.gate.open
            assert caplog.messages.count(LOST) == 1
        assert daemon.tenant.said == ["serves"], "it is the same session"


@pytest.mark.parametrize(("certain_for", "answers"), [(30.0, True), (5.1, True), (5.0, False), (0.0, False)])
def test_the_api_is_answered_for_until_1_0_would_have_given_up(certain_for: float, answers: bool) -> None:
    assert may_answer(certain_for, 30.0) is answers


async def test_the_gate_is_shut_between_two_sessions(tmp_path: Path) -> None:
    async with life(tmp_path) as daemon:
        await daemon.serving()
        daemon.store.expire("m1")
        daemon.store.go_away()
        await eventually(lambda: not daemon.gate.open)


async def test_a_second_host_with_the_same_id_waits_outside_and_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with life(tmp_path / "a") as first:
        await first.serving()
        async with life(tmp_path / "b", first.store) as second:
            await eventually(lambda: bool(caplog.records))
            (warning,) = caplog.messages
            assert warning.startswith("Server register machine failed: machine ID m1 is in use by")
            assert warning.endswith("retrying in 1 sec.")
            assert not second.gate.open
            await second.end(Departure.FOR_GOOD)
            assert second.tenant.said == []
        await first.until(is_present)


async def test_without_the_store_a_host_tries_again_until_it_is_back(tmp_path: Path) -> None:
    store = MemoryStore()
    store.go_away()
    async with life(tmp_path, store) as daemon:
        store.come_back()
        await daemon.serving()


async def test_a_host_that_never_was_a_member_has_nothing_to_hand_over(tmp_path: Path) -> None:
    store = MemoryStore()
    store.go_away()
    async with life(tmp_path, store) as daemon:
        await daemon.end(Departure.FOR_GOOD)
        assert daemon.tenant.said == []


async def test_a_host_that_is_cut_off_hands_over_when_it_is_stopped(tmp_path: Path) -> None:
    async with life(tmp_path) as daemon:
        await daemon.serving()
        daemon.store.expire("m1")
        daemon.store.go_away()
        await eventually(lambda: not daemon.gate.open)
        await daemon.end(Departure.FOR_GOOD)
        assert daemon.tenant.said[-1] == "hands over"


async def test_when_the_store_is_away_leaving_ends_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with life(tmp_path) as daemon:
        await daemon.serving()
        daemon.store.go_away()
        await daemon.end(Departure.FOR_GOOD)
        assert "hands over" in daemon.tenant.said
        assert "could not leave, the machine will vanish with its lease" in caplog.text


async def test_only_the_first_departure_is_heard(tmp_path: Path) -> None:
    async with life(tmp_path) as daemon:
        await daemon.serving()
        daemon.membership.depart(Departure.BACK_SOON)
        await daemon.end(Departure.FOR_GOOD)
        assert "hands over" not in daemon.tenant.said


async def test_new_facts_are_published_at_once(tmp_path: Path) -> None:
    async with life(tmp_path) as daemon:
        await daemon.serving()
        daemon.facts.reconfigure(Config(public_ip="10.0.0.2", metadata={"role": "db"}))
        picture = await daemon.until(lambda p: is_present(p) and p.machines["m1"].ip == "10.0.0.2")
        assert picture.machines["m1"].metadata == {"role": "db"}


async def test_a_run_directory_that_cannot_be_written_keeps_nobody_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "session").mkdir()
    async with life(tmp_path) as daemon:
        await daemon.serving()
        assert "a restarted fleetd will have to wait for this lease to end" in caplog.text
