"""The rules of placement: what a machine says to a unit."""

import pytest

from tests.units.xfleet import xfleet
from units.machine import Machine
from units.placement import ResidentSet, conflict_between, global_objection, objection
from units.requirements import EMPTY, Requirements

METADATA = "local Machine metadata insufficient"


def wants(lines: str, name: str = "u.service") -> Requirements:
    """What a unit with these lines asks for."""
    return Requirements.of(name, xfleet(lines))


def machine(metadata: str = "") -> Machine:
    """A machine with metadata written as in the configuration."""
    pairs = (pair.split("=") for pair in metadata.split(",") if pair)
    return Machine("bbbbbbbbcccccccc", metadata={key: value for key, value in pairs})


def residents(**lines: str) -> ResidentSet:
    """Units called after the keywords, with these lines."""
    names = {key: f"{key}.service" for key in lines}
    return ResidentSet({names[key]: wants(of, names[key]) for key, of in lines.items()})


MACHINE_ID = {
    "the whole ID": ("bbbbbbbbcccccccc", None),
    "the first 8 characters": ("bbbbbbbb", None),
    "7 characters": ("bbbbbbb", 'agent ID "bbbbbbbbcccccccc" does not match required "bbbbbbb"'),
    "9 characters": ("bbbbbbbbc", 'agent ID "bbbbbbbbcccccccc" does not match required "bbbbbbbbc"'),
    "nothing": ("", 'agent ID "bbbbbbbbcccccccc" does not match required ""'),
}


@pytest.mark.parametrize(("value", "said"), MACHINE_ID.values(), ids=MACHINE_ID)
def test_machine_id(value: str, said: str | None) -> None:
    assert objection("u.service", wants(f"MachineID={value}"), machine(), ResidentSet()) == said


REGIONS = 'MachineMetadata="region=us-east-1" "diskType=SSD" / MachineMetadata=region=us-west-1'
JOBS = 'MachineMetadata="region=us-east-1" "job=foo" / MachineMetadata="region=us-west-1" "job=bar"'
PING_OR_PONG = "MachineMetadata=groups=ping / MachineMetadata=groups=pong"
EAST_PONG = "MachineMetadata=region=us-east-1 / MachineMetadata=groups=pong"
METADATA_ROWS = {
    "the one value": ("MachineMetadata=region=us-east-1", "region=us-east-1", True),
    "one of two values": (PING_OR_PONG, "groups=ping", True),
    "another value": ("MachineMetadata=groups=pong", "groups=ping", False),
    "one key of two": (EAST_PONG, "region=us-east-1,groups=ping", False),
    "no metadata": ("MachineMetadata=groups=pong", "", False),
    "alternatives on several lines": (REGIONS, "region=us-west-1,diskType=SSD", True),
    "a key is missing": (REGIONS, "region=us-east-1", False),
    "lines do not group": (JOBS, "region=us-east-1,job=bar", True),
    "a key without a value is ignored": ("MachineMetadata=foo= / MachineMetadata=ok=1", "ok=1", True),
    "a word without a value is ignored": ("MachineMetadata=foo", "", True),
    "values are compared exactly": ("MachineMetadata=disk=ssd", "disk=SSD", False),
}


@pytest.mark.parametrize(("lines", "has", "runs"), METADATA_ROWS.values(), ids=METADATA_ROWS)
def test_machine_metadata(lines: str, has: str, runs: bool) -> None:
    said = None if runs else METADATA
    assert objection("u.service", wants(lines), machine(has), ResidentSet()) == said
    assert global_objection("u.service", wants(lines), machine(has), ResidentSet()) == said


NO_A = "required peer Unit(a.service) is not scheduled locally"
PEERS = {
    "its peer is there": ("MachineOf=a.service", residents(a=""), None),
    "its peer is elsewhere": ("MachineOf=a.service", residents(b=""), NO_A),
    "one of two peers is there": ('MachineOf="b.service" "a.service"', residents(b=""), NO_A),
    "both are there": ('MachineOf="b.service" "a.service"', residents(a="", b=""), None),
    "a peer is no glob": (
        "MachineOf=*.service",
        residents(a=""),
        "required peer Unit(*.service) is not scheduled locally",
    ),
    "names on one line are one name": (
        "MachineOf=a.service b.service",
        residents(a="", b=""),
        "required peer Unit(a.service b.service) is not scheduled locally",
    ),
    "it follows itself where it is": ("MachineOf=u.service", residents(u=""), None),
    "it cannot follow itself to where it is not": (
        "MachineOf=u.service",
        residents(),
        "required peer Unit(u.service) is not scheduled locally",
    ),
}


@pytest.mark.parametrize(("lines", "there", "said"), PEERS.values(), ids=PEERS)
def test_machine_of(lines: str, there: ResidentSet, said: str | None) -> None:
    assert objection("u.service", wants(lines), machine(), there) == said


WITH_A = "found conflict with locally-scheduled Unit([a.service])"
CONFLICTS = {
    "its own pattern": ("Conflicts=a.*", residents(a=""), WITH_A),
    "its own plain name": ("Conflicts=a.service", residents(a=""), WITH_A),
    "the pattern of the other, which is named all the same": ("", residents(a="Conflicts=u*"), WITH_A),
    "the plain name of the other": ("", residents(a="Conflicts=u.service"), WITH_A),
    "both": ("Conflicts=a*", residents(a="Conflicts=u*"), WITH_A),
    "the first by name": ("Conflicts=b* c*", residents(c="", b="", a="Conflicts=*"), WITH_A),
    "nobody": ("Conflicts=x*", residents(a="Conflicts=y*"), None),
    "never itself": ("Conflicts=u*", residents(u="Conflicts=u*"), None),
    "a broken pattern": ("Conflicts=[", residents(a=""), None),
}


@pytest.mark.parametrize(("lines", "there", "said"), CONFLICTS.values(), ids=CONFLICTS)
def test_conflicts(lines: str, there: ResidentSet, said: str | None) -> None:
    assert objection("u.service", wants(lines), machine(), there) == said
    assert global_objection("u.service", wants(lines), machine(), there) == said


ORDER = Requirements("x", ("a.service",), (("a", frozenset("b")),), ("c.service",))


def test_the_rules_speak_in_order() -> None:
    there = residents(c="")
    said = [
        objection("u.service", ORDER, machine(), there),
        objection("u.service", ORDER, Machine("x"), there),
        objection("u.service", ORDER, Machine("x", metadata={"a": "b"}), there),
        objection("u.service", ORDER, Machine("x", metadata={"a": "b"}), residents(a="", c="")),
        objection("u.service", ORDER, Machine("x", metadata={"a": "b"}), residents(a="")),
    ]
    assert said == [
        'agent ID "bbbbbbbbcccccccc" does not match required "x"',
        METADATA,
        NO_A,
        "found conflict with locally-scheduled Unit([c.service])",
        None,
    ]


def test_replaces_never_keeps_a_unit_out() -> None:
    assert objection("u.service", wants("Replaces=a*"), machine(), residents(a="Replaces=u*")) is None


def test_machine_id_and_peers_of_a_global_unit_are_ignored() -> None:
    ignored = wants("Global=true / MachineID=x / MachineOf=z.service")
    assert global_objection("u.service", ignored, machine(), residents(a="")) is None


def test_a_daemon_of_fleet_1_cannot_run_a_unit_with_drop_ins() -> None:
    old = Machine("m1", version="1.0.0", capabilities=frozenset())
    drop_in = Requirements(has_drop_ins=True)
    said = "its fleet 1.0.0 would run the unit without its drop-ins"
    assert objection("u.service", drop_in, old, ResidentSet()) == said
    assert objection("u.service", EMPTY, old, ResidentSet()) is None
    assert objection("u.service", drop_in, machine(), ResidentSet()) is None


BETWEEN = {
    "neither": (EMPTY, EMPTY, False),
    "one": (wants("Conflicts=b*"), EMPTY, True),
    "the other": (EMPTY, wants("Conflicts=a.service"), True),
    "others": (wants("Conflicts=a*"), wants("Conflicts=b*"), False),
}


@pytest.mark.parametrize(("of_a", "of_b", "conflict"), BETWEEN.values(), ids=BETWEEN)
def test_conflicts_between_two(of_a: Requirements, of_b: Requirements, conflict: bool) -> None:
    assert conflict_between("a.service", of_a, "b.service", of_b) is conflict
    assert conflict_between("b.service", of_b, "a.service", of_a) is conflict


def test_a_unit_never_conflicts_with_itself() -> None:
    assert not conflict_between("a.service", wants("Conflicts=*"), "a.service", wants("Conflicts=*"))
