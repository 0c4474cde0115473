"""Records to bytes and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import codec
from registry.keys import Key, Kind
from registry.records import Bid, Job, Leader, Offer, Report, ScheduleEntry
from tests.registry.builders import LOADED, bid, entry, job, machine, offer, report, unit_file
from units.file import UnitFile
from units.machine import Machine
from units.state import TargetState

NAME, ID = "a.service", "m1"
AT = Key(Kind.JOB, NAME, ID)

text = st.text()
states = st.sampled_from(TargetState)
finite = st.floats(allow_nan=False, allow_infinity=False)


def test_values_have_one_form() -> None:
    assert codec.encode_job(job(state=LOADED)) == (
        b'{"desired":"loaded","hash":"' + unit_file().hash.encode() + b'"}'
    )
    assert codec.encode_job(entry()) == codec.encode_job(job())
    assert codec.encode_offer(offer()) == b'{"id":"o1","unit":"' + unit_file().hash.encode() + b'"}'
    assert codec.encode_bid(bid()) == b'{"offer":"o1","price":1.5}'
    assert codec.encode_bid(bid(refusal="full")) == b'{"offer":"o1","refusal":"full"}'
    assert codec.encode_leader(Leader("m1")) == b'{"machine":"m1","version":1}'
    assert codec.encode_file(unit_file()) == b"[Service]\nExecStart=/bin/true\n"
    assert codec.encode_machine(machine("m1", zone="z")) == (
        b'{"capabilities":["bids"],"id":"m1","ip":"198.18.0.1","metadata":{"zone":"z"},"version":"2.0.0"}'
    )
    assert codec.encode_report(report()) == (
        b'{"active":"active","hash":"%s","launched":true,"load":"loaded","since":1700000000.25,"sub":"running"}'
        % unit_file().hash.encode()
    )


@given(text, states, st.booleans(), st.integers(0, 2**62))
def test_jobs_come_back(hash: str, state: TargetState, is_global: bool, version: int) -> None:
    there = Job(NAME, hash, state, is_global)
    back = codec.read_job(AT, codec.encode_job(there), is_global=is_global, version=version)
    assert back == there
    assert back.version == version


@given(text, states)
def test_entries_come_back(hash: str, state: TargetState) -> None:
    there = ScheduleEntry(ID, NAME, hash, state)
    back = codec.read_entry(AT, codec.encode_job(there), version=7)
    assert (back, back.version) == (there, 7)


@given(text, text)
def test_offers_come_back(id: str, hash: str) -> None:
    assert codec.read_offer(AT, codec.encode_offer(Offer(ID, NAME, id, hash))) == Offer(ID, NAME, id, hash)


@given(text, finite, st.none() | text)
def test_bids_come_back(offer: str, price: float, refusal: str | None) -> None:
    there = Bid(ID, NAME, offer, price if refusal is None else 0.0, refusal)
    assert codec.read_bid(AT, codec.encode_bid(there)) == there


@given(text, st.dictionaries(text, text), text, st.frozensets(text))
def test_machines_come_back(
    ip: str, metadata: dict[str, str], version: str, capabilities: frozenset[str]
) -> None:
    there = Machine(ID, ip, metadata, version, capabilities)
    assert codec.read_machine(AT, codec.encode_machine(there)) == there


@given(text, text, text, text, st.booleans(), finite, text, st.integers(0, 2**31))
def test_reports_come_back(
    hash: str, load: str, active: str, sub: str, launched: bool, since: float, reason: str, failures: int
) -> None:
    there = Report(ID, NAME, hash, load, active, sub, launched, since, reason, failures)
    assert codec.read_report(AT, codec.encode_report(there)) == there


@given(text, st.integers())
def test_leaders_come_back(id: str, version: int) -> None:
    assert codec.read_leader(codec.encode_leader(Leader(id, version))) == Leader(id, version)


@given(st.binary())
def test_a_stored_file_comes_back_byte_for_byte(content: bytes) -> None:
    file = UnitFile.from_stored(
        "[Service]\nExecStart=" + content.replace(b"\n", b"").decode("utf-8", "surrogateescape")
    )
    assert codec.read_file(file.hash, codec.encode_file(file)) == file


@given(text, text, text)
def test_the_bounds_of_an_offer_hold_those_with_its_id_only(id: str, other: str, hash: str) -> None:
    low, high = codec.offer_bounds(id)
    assert low < codec.encode_offer(Offer(ID, NAME, id, hash)) < high
    if other != id:
        assert not low < codec.encode_offer(Offer(ID, NAME, other, hash)) < high


READERS: tuple[Callable[[bytes], object], ...] = (
    lambda value: codec.read_job(AT, value, is_global=False, version=1),
    lambda value: codec.read_entry(AT, value),
    lambda value: codec.read_offer(AT, value),
    lambda value: codec.read_bid(AT, value),
    lambda value: codec.read_machine(AT, value),
    lambda value: codec.read_report(AT, value),
    lambda value: codec.read_file("0" * 40, value),
    codec.read_leader,
    codec.read_text,
)

odd_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["hash", "desired", "id", "offer", "price", "since", "metadata", "version"]),
            inner,
        )
    ),
)


@pytest.mark.parametrize("read", READERS)
@given(value=st.binary() | odd_json.map(lambda v: json.dumps(v).encode()))
def test_what_cannot_be_read_is_corrupt_and_nothing_worse(
    read: Callable[[bytes], object], value: bytes
) -> None:
    with suppress(codec.Corrupt):
        read(value)


@pytest.mark.parametrize("value", [b"[" * 100_000, b'{"offer":"o","price":1e999}', b"1" * 10_000, b""])
def test_extremes_are_corrupt_too(value: bytes) -> None:
    with pytest.raises(codec.Corrupt):
        codec.read_bid(AT, value)


def test_a_price_too_large_for_a_number_is_corrupt() -> None:
    with pytest.raises(codec.Corrupt, match="too large"):
        codec.read_bid(AT, b'{"offer":"o","price":1%s}' % (b"0" * 400))


@pytest.mark.parametrize("name", ["..", "../../etc/passwd", "a", "a.exe", "a b.service", "\u202e.service"])
def test_a_name_that_no_unit_can_have_is_corrupt(name: str) -> None:
    with pytest.raises(codec.Corrupt):
        codec.read_job(Key(Kind.JOB, name), codec.encode_job(job()), is_global=False, version=1)


def test_fields_of_a_later_fleet_are_passed_over() -> None:
    assert codec.read_leader(b'{"machine":"m1","version":2,"since":3}') == Leader("m1", 2)
