"""What may go wrong between a daemon and etcd that is well itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from registry import codec
from registry.errors import Deposed, Unavailable
from registry.etcd3.faults import Compacted
from registry.etcd3.reading import now
from registry.etcd3.view import Etcd3View
from registry.etcd3.watch import Watch
from registry.keyvalue.transactions import Put, Transaction
from registry.port import Everything, OneMachine, Place, Scope
from tests.registry.builders import LOADED, M1, M2, A, entry, job, leader, unit_file
from tests.registry.cable import Cable, cable_to
from tests.registry.members import ETCD, Cluster
from tests.registry.world import EtcdWorld, etcd_world, seen, soon

pytestmark = pytest.mark.skipif(ETCD is None, reason="etcd is not installed")

SCOPES: tuple[Scope, ...] = (Everything(), OneMachine(M1))
SHORT = 0.4
"""Seconds for one request in these tests."""


@pytest.fixture
async def cable(etcd: Cluster) -> AsyncIterator[Cable]:
    async with cable_to(etcd.urls[0]) as cable:
        yield cable


@pytest.fixture
async def far(cable: Cable, prefix: str) -> AsyncIterator[EtcdWorld]:
    """The same part of etcd as `etcd_only`, at the other end of a cable."""
    async with etcd_world((cable.url,), prefix, timeout=SHORT) as world:
        yield world


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_view_misses_nothing_of_what_happened_while_it_was_cut_off(
    cable: Cable, far: EtcdWorld, etcd_only: EtcdWorld, scope: Scope, caplog: pytest.LogCaptureFixture
) -> None:
    near, registry = etcd_only.connect(), far.connect()
    await near.save(job("gone.service", is_global=True), unit_file(is_global=True), seen=None)
    async with registry.follow(scope) as view:
        before = view.picture
        await cable.cut()
        gone = await near.job("gone.service")
        assert gone is not None
        await near.destroy(gone)
        await near.save(job(is_global=True), unit_file(is_global=True), seen=None)
        with caplog.at_level(logging.INFO), pytest.raises(Unavailable, match=r"127\.0\.0\.1:\d+: .*refused"):
            await soon(view.fresh())
        assert view.picture is before
        with caplog.at_level(logging.INFO):
            await cable.heal()
            picture = await seen(view, lambda p: A in p.jobs)
        assert picture.jobs == {A: job(is_global=True)}
        assert (await soon(view.fresh())).jobs == {A: job(is_global=True)}
    assert registry.steady_since > 0, "there was a gap"
    said = [r.getMessage() for r in caplog.records if r.name == "registry.contact"]
    assert [line.split(":")[0].split(",")[0] for line in said] == ["lost", "back"]
    assert all("127.0.0.1" in line for line in said)


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_view_is_read_anew_when_its_past_was_compacted(
    cable: Cable, far: EtcdWorld, etcd_only: EtcdWorld, scope: Scope
) -> None:
    near = etcd_only.connect()
    async with far.connect().follow(scope) as view:
        await near.save(job("old.service", is_global=True), unit_file(is_global=True), seen=None)
        await soon(view.fresh())
        await cable.cut()
        old = await near.job("old.service")
        assert old is not None
        await near.destroy(old)
        revision = await near.save(job(is_global=True), unit_file(is_global=True), seen=None)
        await compact(etcd_only, revision)
        await cable.heal()
        picture = await seen(view, lambda p: A in p.jobs)
        assert picture.jobs == {A: job(is_global=True)}
        assert picture.revision >= revision


async def compact(world: EtcdWorld, revision: int) -> None:
    request = world.client.stubs.CompactionRequest(revision=revision, physical=True)
    await world.client.call("KV.Compact", request, again=False)


async def test_a_watch_of_a_compacted_past_says_so(etcd_only: EtcdWorld) -> None:
    near = etcd_only.connect()
    first = await near.set_metadata(M1, {"a": "1"})
    await compact(etcd_only, await near.set_metadata(M1, {"a": "2"}))
    with pytest.raises(Compacted):
        async with Watch(etcd_only.client, etcd_only.keys.ranges(Everything()), first) as watch:
            await soon(watch.next())


async def test_a_watch_that_etcd_ends_is_opened_anew_on_the_connection_that_is_there(
    etcd_only: EtcdWorld,
) -> None:
    client, ranges = etcd_only.client, etcd_only.keys.ranges(Everything())
    start = (await now(client)).revision + 1
    async with Watch(client, ranges, start) as watch:
        channel = client.channels.channel()
        cancel = client.stubs.WatchCancelRequest(watch_id=0)
        await watch._stream.write(client.stubs.WatchRequest(cancel_request=cancel))
        with pytest.raises(Unavailable):
            await soon(watch.next())
    async with Watch(client, ranges, start) as anew:
        assert client.channels.channel() is channel
        await etcd_only.connect().set_metadata(M1, {"a": "b"})
        assert (await soon(anew.next())).changes


async def test_a_write_whose_answer_was_lost_is_not_repeated(
    cable: Cable, far: EtcdWorld, etcd_only: EtcdWorld
) -> None:
    registry = far.connect()
    await registry.job(A)
    cable.swallow_answers()
    with pytest.raises(Unavailable):
        await soon(registry.set_metadata(M1, {"zone": "z"}))
    await cable.heal()
    (stored,) = await etcd_only.store.read(etcd_only.keys.metadata(M1, "zone"))
    assert stored is not None
    assert stored.modified == stored.created


@pytest.mark.parametrize("scope", SCOPES)
async def test_the_first_picture_after_an_outage_is_of_one_revision(
    cable: Cable, far: EtcdWorld, etcd_only: EtcdWorld, scope: Scope
) -> None:
    near = etcd_only.connect()
    async with far.connect().follow(scope) as view, near.campaign(leader(), ttl=10) as leadership:
        await near.save(job("first.service", is_global=True), unit_file(is_global=True), seen=None)
        before = await seen(view, lambda p: p.jobs)
        await cable.cut()
        for n in range(30):
            await near.save(job(f"u{n}.service", is_global=True), unit_file(is_global=True), seen=None)
            await leadership.commit([Place(entry(f"u{n}.service"))])
        await near.set_metadata(M1, {"a": "b"})
        await cable.heal()
        picture = await soon(view.after(before))
        assert (len(picture.jobs), len(picture.schedule)) == (31, 30)


async def test_a_leader_that_is_cut_off_stops_by_its_own_clock(
    cable: Cable, far: EtcdWorld, etcd_only: EtcdWorld
) -> None:
    async with far.connect().campaign(leader(M1), ttl=2) as cut_off:
        await cut_off.commit([Place(entry())])
        await cable.cut()
        async with etcd_only.connect().campaign(leader(M2), ttl=2) as successor:
            await soon(cut_off.wait_lost())
            await cable.heal()
            with pytest.raises(Deposed):
                await cut_off.commit([Place(entry(state=LOADED))])
            await successor.commit([Place(entry(machine=M2))])
        async with etcd_only.connect().follow(Everything()) as view:
            assert view.picture.schedule == {A: {M1: entry(), M2: entry(machine=M2)}}


async def test_a_campaign_waits_while_etcd_is_away(cable: Cable, far: EtcdWorld) -> None:
    await cable.cut()
    campaign = far.connect().campaign(leader(), ttl=5)
    waiting = asyncio.create_task(campaign.__aenter__())
    await asyncio.sleep(2 * SHORT)
    assert not waiting.done()
    await cable.heal()
    await (await soon(waiting)).resign()
    await campaign.__aexit__(None, None, None)


async def test_following_waits_while_etcd_is_away_and_says_what_it_waits_for(
    cable: Cable, far: EtcdWorld, caplog: pytest.LogCaptureFixture
) -> None:
    await cable.cut()
    following = far.connect().follow(Everything())
    with caplog.at_level(logging.INFO):
        waiting = asyncio.create_task(following.__aenter__())
        while not caplog.records:  # noqa: ASYNC110  # a log has no event
            await asyncio.sleep(0.05)
    assert cable.url.removeprefix("http://") in caplog.text
    assert "refused" in caplog.text
    await cable.heal()
    assert (await soon(waiting)).picture.jobs == {}
    await following.__aexit__(None, None, None)


async def test_the_keys_of_others_do_not_hold_up_a_view(etcd_only: EtcdWorld, etcd: Cluster) -> None:
    async with etcd_world(etcd.urls, "/others") as others, etcd_world(etcd.urls, "/") as no_prefix:
        registry = etcd_only.connect()
        await registry.save(job(), unit_file(), seen=None)
        async with registry.follow(Everything()) as view, registry.follow(OneMachine(M1)) as own:
            noticing = asyncio.create_task(view.after(view.picture))
            for n in range(5):
                revision = await others.connect().set_metadata(M1, {"a": str(n)})
                for there in (view, own):
                    assert (await soon(there.fresh())).revision >= revision
            assert not noticing.done()
            found = await registry.job(A)
            assert found is not None
            await registry.destroy(found)
            assert (await soon(noticing)).jobs == {}
        assert no_prefix.keys.prefix == "/"


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("what", ["created", "changed", "removed", "moved"])
async def test_a_view_that_hears_nothing_never_claims_to_be_fresh(
    etcd: Cluster, prefix: str, scope: Scope, what: str
) -> None:
    async with etcd_world(etcd.urls, prefix, timeout=0.3) as world:
        registry = world.connect()
        await registry.save(job(is_global=True), unit_file(is_global=True), seen=None)
        deaf = Etcd3View(world.client, world.keys, scope)
        await deaf.load()
        await registry.set_metadata(M2, {"a": "b"}) if scope == OneMachine(M1) else None
        assert (await deaf.fresh()).jobs == {A: job(is_global=True)}
        found = await registry.job(A)
        assert found is not None
        if what in ("removed", "moved"):
            await registry.destroy(found)
        if what in ("created", "moved"):
            await registry.save(job("b.service", is_global=True), unit_file(is_global=True), seen=None)
        if what == "changed":
            await registry.save(job(state=LOADED, is_global=True), None, seen=found)
        with pytest.raises(Unavailable, match="view"):
            await soon(deaf.fresh())


async def test_each_picture_of_one_machine_is_of_one_revision(
    cable: Cable, far: EtcdWorld, etcd_only: EtcdWorld
) -> None:
    """What was written in one transaction is never seen in parts, on a watch that has settled or has not."""
    keys = etcd_only.keys
    last = 300

    def both(n: int) -> Transaction:
        one, other = job(f"u{n}.service", is_global=True), entry(f"u{n}.service")
        return Transaction(
            (),
            (
                Put(keys.job(one.name, is_global=True), codec.encode_job(one)),
                Put(keys.schedule(M1, other.name), codec.encode_job(other)),
                Put(keys.metadata(M1, "last"), codec.encode_text(str(n))),
            ),
        )

    async with far.connect().follow(OneMachine(M1)) as view:

        async def write() -> None:
            for n in range(last):
                if n in (20, 40):
                    await cable.cut()
                    await cable.heal()
                await etcd_only.store.commit(both(n))

        writing, torn, pictures = asyncio.create_task(write()), [], 0
        picture = view.picture
        while picture.dynamic.get(M1, {}).get("last") != str(last - 1):
            picture = await soon(view.after(picture))
            pictures += 1
            if picture.jobs.keys() != picture.schedule.keys():
                torn.append(picture.revision)
        await writing
    assert torn == []
    assert len(picture.jobs) == last
    assert pictures > 10, "it keeps up while more comes in"
