"""What may go wrong between a daemon and the v2 API of etcd, on real members."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from math import inf

import pytest

from registry.errors import Deposed, Refused, Unavailable
from registry.etcd2 import mirror
from registry.port import Everything, OneMachine, Place, Scope
from tests.registry.builders import M1, M2, A, entry, job, leader, machine, report, unit_file
from tests.registry.cable import Cable, cable_to
from tests.registry.conftest import FAST_ELECTIONS
from tests.registry.layout_world import LayoutWorld, layout_world
from tests.registry.members import ETCD, Cluster
from tests.registry.world import seen, soon

pytestmark = pytest.mark.skipif(ETCD is None, reason="etcd is not installed")

SCOPES: tuple[Scope, ...] = (Everything(), OneMachine(M1))
SHORT = 0.4
"""Seconds for one request in these tests."""
V2 = (*FAST_ELECTIONS, "--enable-v2")


@pytest.fixture
async def cable(etcd: Cluster) -> AsyncIterator[Cable]:
    async with cable_to(etcd.urls[0]) as cable:
        yield cable


@pytest.fixture
async def far(cable: Cable, prefix: str) -> AsyncIterator[LayoutWorld]:
    """The same part of etcd as `layout`, at the other end of a cable."""
    async with layout_world((cable.url,), prefix, timeout=SHORT) as world:
        yield world


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_view_misses_nothing_of_what_happened_while_it_was_cut_off(
    cable: Cable, far: LayoutWorld, layout: LayoutWorld, scope: Scope, caplog: pytest.LogCaptureFixture
) -> None:
    near, registry = layout.connect(), far.connect()
    assert registry.steady_since == -inf
    content = unit_file(is_global=True)
    await near.save(job("gone.service", is_global=True), content, seen=None)
    with caplog.at_level(logging.INFO):
        async with registry.follow(scope) as view:
            before = view.picture
            cut_at = asyncio.get_running_loop().time()
            await cable.cut()
            gone = await near.job("gone.service")
            assert gone is not None
            await near.destroy(gone)
            await near.save(job(is_global=True), content, seen=None)
            with pytest.raises(Unavailable, match=r"127\.0\.0\.1:\d+: .*refused"):
                await soon(view.fresh())
            assert view.picture is before
            await cable.heal()
            picture = await seen(view, lambda p: A in p.jobs)
            assert picture.jobs == {A: job(is_global=True)}
            assert (await soon(view.fresh())).jobs == {A: job(is_global=True)}
    assert cut_at < registry.steady_since < asyncio.get_running_loop().time(), "there was a gap"
    said = [r.getMessage() for r in caplog.records if r.name == "registry.contact"]
    assert [line.split(":")[0].split(",")[0] for line in said] == ["lost", "back"]
    assert all("127.0.0.1" in line for line in said)


async def test_a_view_reads_all_again_when_etcd_has_forgotten_what_it_missed(
    cable: Cable, far: LayoutWorld, layout: LayoutWorld
) -> None:
    near = layout.connect()
    async with far.connect().follow(Everything()) as view:
        await near.save(job("old.service"), unit_file(), seen=None)
        await soon(view.fresh())
        await cable.cut()
        old = await near.job("old.service")
        assert old is not None
        await near.destroy(old)
        await near.save(job(), unit_file(), seen=None)
        for n in range(1100):
            await layout.raw.put("elsewhere", str(n))
        await cable.heal()
        picture = await seen(view, lambda p: A in p.jobs)
        assert picture.jobs == {A: job()}


async def test_a_view_far_behind_does_not_read_event_by_event(
    cable: Cable, far: LayoutWorld, layout: LayoutWorld
) -> None:
    near = layout.connect()
    async with far.connect().follow(Everything()) as view:
        await cable.cut()
        for n in range(mirror.TOO_FAR_BEHIND + 50):
            await layout.raw.put("elsewhere", str(n))
        revision = await near.save(job(), unit_file(), seen=None)
        await cable.heal()
        assert (await soon(view.reached(revision))).jobs == {A: job()}


async def test_others_who_write_to_the_same_etcd_do_not_keep_a_view_from_being_fresh(
    etcd: Cluster, layout: LayoutWorld
) -> None:
    registry = layout.connect()
    async with (
        layout_world(etcd.urls, "/somebody/else/") as other,
        registry.follow(Everything()) as view,
    ):
        for n in range(10):
            await other.raw.put("x", str(n))
            name = f"u{n}.service"
            await layout.connect().save(job(name), unit_file(), seen=None)
            await other.raw.put("x", str(n))
            assert name in (await soon(view.fresh())).jobs


async def test_a_write_whose_answer_was_lost_is_not_repeated(
    cable: Cable, far: LayoutWorld, layout: LayoutWorld
) -> None:
    registry = far.connect()
    await registry.save(job(), unit_file(), seen=None)
    first = await registry.job(A)
    assert first is not None
    cable.swallow_answers()
    with pytest.raises(Unavailable):
        await soon(registry.set_metadata(M1, {"zone": "z"}))
    await cable.heal()
    node = await layout.raw.node(f"machines/{M1}/metadata/zone")
    assert node is not None
    assert node["createdIndex"] == first.version + 1
    assert await layout.raw.value(f"job/{A}/target-state") == "launched"


class DeafToOne(Cable):
    """A cable that swallows the answer to the first request that holds certain words."""

    def __init__(self, url: str, words: bytes) -> None:
        super().__init__(url)
        self._words = words

    async def _pumped(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: bool
    ) -> None:
        if not answers:
            data = await reader.read(65536)
            while data and self._words not in data:
                writer.write(data)
                data = await reader.read(65536)
            self.swallow_answers()
            writer.write(data)
        await super()._pumped(reader, writer, answers)


async def test_joining_again_after_an_answer_was_lost_is_not_blocked_by_oneself(
    etcd: Cluster, layout: LayoutWorld, prefix: str
) -> None:
    cable = DeafToOne(etcd.urls[0], b"prevExist=false")
    await cable.heal()
    async with layout_world((cable.url,), prefix, timeout=SHORT) as far:
        registry = far.connect()
        with pytest.raises(Unavailable):
            await soon(registry.join(machine(), ttl=30).__aenter__())
        assert await layout.raw.value(f"machines/{M1}/object") is not None
        await cable.heal()
        async with registry.join(machine(), ttl=30) as session, registry.follow(Everything()) as view:
            await soon(session.report([report()], []))
            assert (await view.fresh()).reports == {A: {M1: report()}}
    await cable.cut()


async def test_a_leader_that_is_cut_off_stops_by_its_own_clock(
    cable: Cable, far: LayoutWorld, layout: LayoutWorld
) -> None:
    await layout.connect().save(job(), unit_file(), seen=None)
    async with far.connect().campaign(leader(M1), ttl=2) as cut_off:
        await cut_off.commit([Place(entry())])
        await cable.cut()
        async with layout.connect().campaign(leader(M2), ttl=2):
            await soon(cut_off.wait_lost())
            await cable.heal()
            with pytest.raises(Deposed):
                await cut_off.commit([Place(entry("b.service"))])
        assert await layout.raw.node("job/b.service") is None


async def test_following_waits_while_etcd_is_away_and_says_what_it_waits_for(
    cable: Cable, far: LayoutWorld, caplog: pytest.LogCaptureFixture
) -> None:
    await cable.cut()
    following = far.connect().follow(Everything())
    with caplog.at_level(logging.INFO):
        waiting = asyncio.ensure_future(following.__aenter__())
        while not caplog.records:  # noqa: ASYNC110  # a log has no event
            await asyncio.sleep(0.05)
    assert cable.url.removeprefix("http://") in caplog.text
    assert "refused" in caplog.text
    await cable.heal()
    assert (await soon(waiting)).picture.jobs == {}
    await following.__aexit__(None, None, None)


async def test_an_etcd_without_the_v2_api_is_named_with_what_to_do(prefix: str) -> None:
    with Cluster(options=FAST_ELECTIONS) as v3_only:
        async with layout_world(v3_only.urls, prefix) as world:
            registry = world.connect()
            address = v3_only.urls[0].removeprefix("http://")
            said = rf"etcd at {address}: does not serve the v2 API .*--enable-v2.*etcd_api=3"
            for ask in (
                registry.job(A),
                registry.follow(Everything()).__aenter__(),
                registry.join(machine(), ttl=10).__aenter__(),
                registry.campaign(leader(), ttl=10).__aenter__(),
            ):
                with pytest.raises(Refused, match=said):
                    await soon(ask)


async def test_something_that_is_no_etcd_is_named(prefix: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with layout_world((f"http://127.0.0.1:{port}",), prefix, timeout=SHORT) as world:
            with pytest.raises(Refused, match=rf"127.0.0.1:{port}: answered with HTTP status 200: hello"):
                await soon(world.connect().job(A))


async def test_closing_leaves_no_thread_behind(layout: LayoutWorld) -> None:
    registry = layout.connect()
    async with registry.follow(Everything()), registry.join(machine(), ttl=10):
        assert any(thread.name.startswith("etcd2") for thread in threading.enumerate())
    await soon(registry.close())
    left = [t.name for t in threading.enumerate() if t.name.startswith("etcd2")]
    assert left == []


async def test_who_is_cancelled_in_a_long_poll_ends_at_once(layout: LayoutWorld) -> None:
    registry = layout.connect()
    for _ in range(5):
        following = registry.follow(Everything())
        await following.__aenter__()
        await soon(following.__aexit__(None, None, None))
        await soon(registry.save(job(), unit_file(), seen=await registry.job(A)))
