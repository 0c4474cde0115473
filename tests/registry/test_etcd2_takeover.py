"""A daemon that takes the place of another one of its host, of fleet 1.0 or of ours."""

from __future__ import annotations

import asyncio

import pytest

from registry.errors import Occupied
from registry.port import Everything
from tests.registry.builders import (
    M1,
    machine,
)
from tests.registry.layout_world import Etcd2, LayoutWorld
from tests.registry.veterans import Veteran
from tests.registry.waiting import running


async def test_our_daemon_takes_the_place_of_a_killed_one_and_the_machine_is_never_away(
    raw: Etcd2, layout: LayoutWorld
) -> None:
    await Veteran(raw, M1, ttl=4).register()
    before = await raw.node(f"machines/{M1}/object")
    async with layout.connect().follow(Everything()) as view:
        gaps: list[bool] = []

        async def watch() -> None:
            picture = view.picture
            while True:
                picture = await view.after(picture)
                gaps.append(M1 not in picture.machines)

        async with running(watch()), layout.connect().join(machine(), ttl=30):
            after = await raw.node(f"machines/{M1}/object")
        assert before is not None
        assert after is not None
        assert after["createdIndex"] == before["createdIndex"]
        assert not any(gaps)
        assert view.picture.machines[M1].version == "2.0.0"


async def test_a_living_veteran_keeps_its_place(raw: Etcd2, layout: LayoutWorld) -> None:
    old = Veteran(raw, M1, ttl=4)
    await old.register()

    async def beat() -> None:
        while True:
            await asyncio.sleep(1)
            await old.beat()

    async with running(beat()):
        with pytest.raises(Occupied, match=r"1\.0\.0"):
            async with layout.connect().join(machine(), ttl=4):
                pass


async def test_a_restarted_daemon_finds_itself_by_its_token_in_their_layout(
    raw: Etcd2, layout: LayoutWorld
) -> None:
    async with layout.connect().join(machine(), ttl=30) as first:
        token = first.token
    before = await raw.node(f"machines/{M1}/object")
    async with layout.connect().join(machine(), ttl=30, resume=token):
        after = await raw.node(f"machines/{M1}/object")
    assert before is not None
    assert after is not None
    assert after["createdIndex"] == before["createdIndex"]
    assert after["modifiedIndex"] > before["modifiedIndex"]
