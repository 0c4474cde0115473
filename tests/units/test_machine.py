"""Machines: their IDs and their metadata."""

import pytest

from units.machine import Machine, merged_metadata

MERGED = {
    "configured ones alone": ({"host": "s1", "role": "web"}, {}, {"host": "s1", "role": "web"}),
    "dynamic ones are added": (
        {"host": "s1", "role": "web"},
        {"disk": "ssd"},
        {"host": "s1", "role": "web", "disk": "ssd"},
    ),
    "dynamic ones win": ({"host": "s1"}, {"host": "zz"}, {"host": "zz"}),
    "an empty dynamic one hides the key": ({"host": "s1", "role": "web"}, {"role": ""}, {"host": "s1"}),
    "an empty dynamic one hides nothing else": ({}, {"disk": ""}, {}),
    "an empty configured one stays": ({"a": ""}, {}, {"a": ""}),
}


@pytest.mark.parametrize(("configured", "dynamic", "merged"), MERGED.values(), ids=MERGED)
def test_merging(configured: dict[str, str], dynamic: dict[str, str], merged: dict[str, str]) -> None:
    assert merged_metadata(configured, dynamic) == merged


def test_the_metadata_of_a_machine_cannot_be_changed() -> None:
    given = {"a": "b"}
    machine = Machine("m1", metadata=given)
    given["a"] = "c"
    assert machine.metadata == {"a": "b"}
    with pytest.raises(TypeError):
        machine.metadata["a"] = "c"  # type: ignore[index]


def test_machines_are_equal_when_all_of_them_is() -> None:
    assert Machine("m1", metadata={"a": "b"}) == Machine("m1", metadata={"a": "b"})
    assert Machine("m1", metadata={"a": "b"}) != Machine("m1")
    assert len({Machine("m1", metadata={"a": "b"}), Machine("m1", metadata={"a": "b"})}) == 1


CALLED = {
    "its full ID": ("bbbbbbbbcccccccc", "bbbbbbbbcccccccc", True),
    "its first 8 characters": ("bbbbbbbbcccccccc", "bbbbbbbb", True),
    "its first 7 characters": ("bbbbbbbbcccccccc", "bbbbbbb", False),
    "its first 9 characters": ("bbbbbbbbcccccccc", "bbbbbbbbc", False),
    "nothing": ("bbbbbbbbcccccccc", "", False),
    "capitals": ("bbbbbbbbcccccccc", "BBBBBBBB", False),
    "a short ID as a whole": ("m1", "m1", True),
    "part of a short ID": ("m12", "m1", False),
}


@pytest.mark.parametrize(("id", "wanted", "matches"), CALLED.values(), ids=CALLED)
def test_a_machine_answers_to(id: str, wanted: str, matches: bool) -> None:
    assert Machine(id).is_called(wanted) is matches


def test_the_short_id() -> None:
    assert Machine("bbbbbbbbcccccccc").short_id == "bbbbbbbb"
    assert Machine("m1").short_id == "m1"


def test_a_machine_bids_unless_it_says_what_else_it_can_do() -> None:
    assert Machine("m1").bids
    assert not Machine("m1", capabilities=frozenset()).bids
