"""The contract for verdicts: why a unit is where it is, kept by the leader and read on demand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import codec
from registry.errors import Deposed
from registry.port import Everything, Explain, Place
from registry.records import Answer, RuledOut, Verdict
from tests.registry.builders import M1, A, entry, job, leader, unit_file
from tests.registry.world import World, delete, put

WAITING = Verdict(
    A,
    "none of 2 machines qualifies",
    machines=2,
    ruled_out=(RuledOut("Conflicts", 2, ("m1", "m2"), "found conflict"),),
    answers=(Answer("m3", refusal="cordoned"), Answer("m4", load=3, price=0.5), Answer("m5")),
    at=1700000000.25,
    waiting_since=1700000000.0,
)
PLACED = Verdict(A, "lowest of 2 offers", machines=2, winner=M1, at=1700000001.0)


async def test_a_verdict_comes_back_as_it_was_and_the_last_one_counts(world: World) -> None:
    registry = world.connect()
    assert await registry.verdict(A) is None
    async with registry.campaign(leader(M1), ttl=10) as leadership:
        await leadership.commit([Explain(A, WAITING)])
        assert await registry.verdict(A) == WAITING
        await leadership.commit([Explain(A, PLACED), Place(entry())])
        assert await registry.verdict(A) == PLACED
        await leadership.commit([Explain(A, None)])
        assert await registry.verdict(A) is None


async def test_only_the_leader_writes_verdicts(world: World) -> None:
    registry = world.connect()
    async with registry.campaign(leader(M1), ttl=10) as leadership:
        await delete(world, "leader")
        with pytest.raises(Deposed):
            await leadership.commit([Explain(A, WAITING)])
    assert await registry.verdict(A) is None


async def test_a_unit_that_is_destroyed_takes_its_verdict_along(world: World) -> None:
    registry = world.connect()
    await registry.save(job(), unit_file(), seen=None)
    async with registry.campaign(leader(M1), ttl=10) as leadership:
        await leadership.commit([Explain(A, WAITING)])
    stored = await registry.job(A)
    assert stored is not None
    await registry.destroy(stored)
    assert await registry.verdict(A) is None


async def test_a_verdict_changes_no_picture(world: World) -> None:
    registry = world.connect()
    async with registry.follow(Everything()) as view, registry.campaign(leader(M1), ttl=10) as leadership:
        before = await view.fresh()
        revision = await leadership.commit([Explain(A, WAITING)])
        after = await view.reached(revision)
        assert (after.jobs, after.broken) == (before.jobs, before.broken)


async def test_a_verdict_that_no_fleet_wrote_counts_as_none(world: World) -> None:
    await put(world, f"verdict/{A}", b'{"reason": 3}')
    assert await world.connect().verdict(A) is None


text = st.text()
finite = st.floats(allow_nan=False, allow_infinity=False)
ruled_out = st.builds(RuledOut, text, st.integers(0), st.lists(text).map(tuple), text)
answers = st.builds(
    Answer, text, st.none() | st.integers(0), st.none() | finite, st.none() | text.filter(bool)
)


@given(
    st.builds(
        Verdict,
        st.just(A),
        text,
        st.integers(0),
        st.lists(ruled_out).map(tuple),
        st.lists(answers).map(tuple),
        st.none() | text,
        finite,
        st.none() | finite,
    )
)
def test_verdicts_come_back(there: Verdict) -> None:
    assert codec.read_verdict(A, codec.encode_verdict(there)) == there


@pytest.mark.parametrize(
    "value", [b"", b"[]", b"{}", b'{"reason":"r","machines":1,"ruled_out":[3],"answers":[],"at":0}']
)
def test_what_is_no_verdict_is_refused(value: bytes) -> None:
    with pytest.raises(codec.Corrupt):
        codec.read_verdict(A, value)
