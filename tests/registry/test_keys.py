"""Keys, from what they name and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.keys import Key, Keys, Kind, Range
from registry.port import Everything, OneMachine

KEYS = Keys.under("/_coreos.com/fleet/")

part = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1)


@pytest.mark.parametrize("written", ["/a/b/", "a/b", "//a//b//", "/a/b", "a/b/"])
def test_a_prefix_is_joined_with_single_slashes(written: str) -> None:
    assert Keys.under(written).job("x.service", is_global=False) == "/a/b/job/x.service"


@pytest.mark.parametrize("written", ["", "/", "//"])
def test_an_empty_prefix_is_one_slash(written: str) -> None:
    assert Keys.under(written).leader == "/leader"


CASES = {
    KEYS.unit("0a1b"): Key(Kind.UNIT, "0a1b"),
    KEYS.job("a.service", is_global=False): Key(Kind.JOB, "a.service"),
    KEYS.job("a.service", is_global=True): Key(Kind.GLOBAL, "a.service"),
    KEYS.schedule("m1", "a.service"): Key(Kind.SCHEDULE, "a.service", "m1"),
    KEYS.offer("m1", "a.service"): Key(Kind.OFFER, "a.service", "m1"),
    KEYS.bid("a.service", "m1"): Key(Kind.BID, "a.service", "m1"),
    KEYS.machine("m1"): Key(Kind.MACHINE, machine="m1"),
    KEYS.metadata("m1", "a/b"): Key(Kind.METADATA, "a/b", "m1"),
    KEYS.metadata("m1", "a//b/"): Key(Kind.METADATA, "a//b/", "m1"),
    KEYS.state("m1", "a.service"): Key(Kind.STATE, "a.service", "m1"),
    KEYS.leader: Key(Kind.LEADER),
}


@pytest.mark.parametrize("key", CASES)
def test_a_key_names_what_it_was_made_from(key: str) -> None:
    assert KEYS.named_by(key) == CASES[key]


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/other/job/a.service",
        "/_coreos.com/fleet/",
        "/_coreos.com/fleet/job",
        "/_coreos.com/fleet/job/",
        "/_coreos.com/fleet/job/a.service/object",
        "/_coreos.com/fleet/machine/m1/object",
        "/_coreos.com/fleet/schedule/m1",
        "/_coreos.com/fleet/schedule//a.service",
        "/_coreos.com/fleet/schedule/m1/a.service/x",
        "/_coreos.com/fleet/bid/a.service/m1/x",
        "/_coreos.com/fleet/leader/x",
        "/_coreos.com/fleet/metadata/m1/",
        "/_coreos.com/fleet/later/x",
    ],
)
def test_a_key_of_no_known_form_names_nothing(key: str) -> None:
    assert KEYS.named_by(key) is None


@given(st.text())
def test_no_text_is_too_strange_to_be_asked_about(text: str) -> None:
    KEYS.named_by(text)
    KEYS.named_by(KEYS.prefix + text)


@given(part, part)
def test_machines_and_names_come_back_as_they_went_in(machine: str, name: str) -> None:
    assert KEYS.named_by(KEYS.bid(name, machine)) == Key(Kind.BID, name, machine)
    assert KEYS.named_by(KEYS.state(machine, name)) == Key(Kind.STATE, name, machine)


def test_everything_is_one_range() -> None:
    assert KEYS.ranges(Everything()) == (Range(KEYS.prefix),)


def test_one_machine_covers_its_own_keys_and_the_global_units() -> None:
    ranges = KEYS.ranges(OneMachine("m1"))
    covered = {kind for key, (kind) in CASES.items() if any(part.covers(key) for part in ranges)}
    assert {key.kind for key in covered} == {
        Kind.SCHEDULE,
        Kind.OFFER,
        Kind.METADATA,
        Kind.MACHINE,
        Kind.GLOBAL,
    }


def test_one_machine_does_not_cover_one_with_a_longer_id() -> None:
    ranges = KEYS.ranges(OneMachine("m1"))
    others = [KEYS.machine("m10"), KEYS.schedule("m10", "a.service"), KEYS.metadata("m10", "a")]
    assert not any(part.covers(key) for part in ranges for key in others)
