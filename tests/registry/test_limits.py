"""What etcd's limits (128 operations and 1.5 MiB in one request) mean: nothing that users notice."""

from __future__ import annotations

import pytest

from registry.errors import Refused
from registry.keyvalue.transactions import Put, Transaction
from registry.port import Ask, Everything, Place, Settle
from registry.records import Job, Offer, ScheduleEntry
from tests.registry.builders import LAUNCHED, M1, M2, A, bid, leader, machine, report, unit_file
from tests.registry.world import EtcdWorld, seen
from units.file import UnitFile

MIB = 1 << 20
FULL = 900
"""Units: as many as one commit of nine full transactions."""


def large(size: int) -> UnitFile:
    """A unit file of about so many bytes, in lines that systemd takes."""
    line = f"Environment=X={'y' * 1000}\n"
    return UnitFile.from_text("[Service]\nExecStart=/bin/true\n" + line * (size // len(line)))


async def test_etcd_has_these_limits(etcd_only: EtcdWorld) -> None:
    too_many = tuple(Put(f"{etcd_only.keys.prefix}{n}", b"") for n in range(129))
    with pytest.raises(Refused, match="too many operations"):
        await etcd_only.store.commit(Transaction((), too_many))
    too_large = Put(f"{etcd_only.keys.prefix}x", b"y" * 2 * MIB)
    with pytest.raises(Refused, match=r"too large|larger than max"):
        await etcd_only.store.commit(Transaction((), (too_large,)))


async def test_a_unit_of_a_mebibyte_is_stored_and_read_exactly(etcd_only: EtcdWorld) -> None:
    registry, file = etcd_only.connect(), large(MIB)
    assert MIB - 2000 < len(file.text) <= MIB
    async with registry.follow(Everything()) as view:
        await registry.save(Job(A, file.hash, LAUNCHED), file, seen=None)
        picture = await seen(view, lambda p: p.jobs)
        assert picture.files[file.hash].text == file.text
    fetched = await etcd_only.connect().unit_file(file.hash)
    assert fetched is not None
    assert fetched.text == file.text


async def test_a_unit_larger_than_etcd_takes_is_refused_in_words_and_leaves_nothing(
    etcd_only: EtcdWorld,
) -> None:
    registry, file = etcd_only.connect(), large(2 * MIB)
    with pytest.raises(Refused, match=r"too large|larger than max"):
        await registry.save(Job(A, file.hash, LAUNCHED), file, seen=None)
    async with registry.follow(Everything()) as view:
        assert (await view.fresh()).jobs == {}
        assert view.picture.files == {}


async def test_hundreds_of_units_are_offered_bid_for_placed_and_reported_at_once(
    etcd_only: EtcdWorld,
) -> None:
    registry = etcd_only.connect()
    names = [f"{'u' * 200}{n}.service" for n in range(FULL)]
    hash = unit_file().hash
    async with (
        registry.follow(Everything()) as view,
        registry.campaign(leader(M1), ttl=10) as leadership,
        registry.join(machine(M2), ttl=10) as session,
    ):
        await leadership.commit([Ask(Offer(M2, name, "o1", hash)) for name in names])
        await session.bid([bid(name, M2) for name in names])
        await seen(view, lambda p: len(p.bids) == FULL)
        placed = [Place(ScheduleEntry(M2, name, hash, LAUNCHED)) for name in names]
        await leadership.commit([*placed, *(Settle(name, (M2,)) for name in names)])
        await session.report([report(name, M2) for name in names], [])
        picture = await view.fresh()
        assert picture.schedule.keys() == picture.reports.keys() == set(names)
        assert (picture.offers, picture.bids) == ({}, {})
