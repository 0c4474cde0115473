"""Reading whole ranges of etcd, however large they are."""

from __future__ import annotations

from registry.etcd3.reading import KEYS_PER_PAGE, pages
from registry.port import Displace, Everything, OneMachine, Place
from tests.registry.builders import M1, entry, leader
from tests.registry.world import EtcdWorld


async def test_all_pages_are_of_the_revision_of_the_first(etcd_only: EtcdWorld) -> None:
    registry = etcd_only.connect()
    names = {f"u{n:04}.service" for n in range(KEYS_PER_PAGE + 10)}
    async with registry.campaign(leader(), ttl=10) as leadership:
        await leadership.commit([Place(entry(name)) for name in sorted(names)])
        reading = pages(etcd_only.client, etcd_only.keys.ranges(OneMachine(M1))[:1])
        read = {change.key for change in (await anext(reading)).changes}
        assert len(read) == KEYS_PER_PAGE
        await leadership.commit([Displace(M1, max(names)), Place(entry("z.service"))])
        async for page in reading:
            read |= {change.key for change in page.changes}
    assert read == {etcd_only.keys.schedule(M1, name) for name in names}


async def test_a_state_larger_than_a_page_is_read_whole(etcd_only: EtcdWorld) -> None:
    registry = etcd_only.connect()
    names = [f"u{n}.service" for n in range(4500)]
    async with registry.campaign(leader(), ttl=10) as leadership:
        await leadership.commit([Place(entry(name)) for name in names])
        async with registry.follow(Everything()) as view:
            assert set(view.picture.schedule) == set(names)
        async with registry.follow(OneMachine(M1)) as own:
            assert set(own.picture.schedule) == set(names)
