"""What the etcd v2 backend works out without a socket."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.codec import Corrupt
from registry.errors import Refused
from registry.etcd2 import values
from registry.etcd2.client import checked
from registry.etcd2.door import Failed, Failure, Reply
from registry.etcd2.faults import Verdict, verdict
from registry.etcd2.leadership import by_unit, phases
from registry.etcd2.nodes import Event, Node, Nodes
from registry.etcd2.session import refresh_period
from registry.etcd2.tables import LayoutTables, Translator
from registry.keys import Keys
from registry.port import Ask, Displace, EngineWrite, Place
from registry.records import Leader, Report
from tests.registry.builders import M1, M2, entry, offer, unit_file
from units.file import UnitFile
from units.machine import Machine

KEYS = Keys.under("/f/")
FILE, GLOBAL = unit_file(), unit_file(is_global=True)
A, B = "a.service", "b.service"

VALUES: dict[str, tuple[str, ...]] = {
    f"job/{A}/object": (values.write_object(A, FILE.hash), values.write_object(A, GLOBAL.hash), "{"),
    f"job/{A}/target-state": ("launched", "loaded", "bogus"),
    f"job/{A}/target": (M1, M2),
    f"job/{A}/job-state": (M1,),
    f"job/{B}/object": (values.write_object(B, FILE.hash),),
    f"job/{B}/target-state": ("launched",),
    f"unit/{FILE.hash}": (values.write_file(FILE), "?"),
    f"unit/{GLOBAL.hash}": (values.write_file(GLOBAL),),
    f"states/{A}/{M1}": ('{"activeState":"active"}', "?"),
    f"states/{A}/{M2}": ('{"activeState":"failed","launched":true}',),
    f"machines/{M1}/object": (values.write_machine(Machine(M1, metadata={"a": "1"})), "?"),
    f"machines/{M1}/metadata/a": ("2", ""),
    f"machines/{M2}/object": (values.write_machine(Machine(M2)), '{"ID":""}'),
    "lease/engine-leader": (values.write_leader(Leader(M1)), M2),
    f"offer/{M1}/{A}": ('{"id":"o","lease":1,"unit":"x"}', '{"id":"o","lease":2,"unit":"x"}'),
    f"bid/{A}/{M1}": ('{"offer":"o","price":1}',),
    "later/x": ("?",),
}
TREES = ("", "job", f"job/{A}", f"states/{A}", "machines", f"machines/{M1}", "unit", f"offer/{M1}")

OFTEN = [path for path in sorted(VALUES) if path.startswith((f"job/{A}/", "unit/", "lease/", "offer/"))]
"""Those of which several together make one record."""

writes = st.sampled_from([*sorted(VALUES), *OFTEN]).flatmap(
    lambda path: st.tuples(st.just(path), st.sampled_from((*VALUES[path], *VALUES[path], None)))
)
removals = st.tuples(st.sampled_from(TREES), st.none())
stories = st.lists(st.one_of(writes, writes, writes, writes, removals), min_size=12, max_size=30)
Story = list[tuple[str, str | None]]


def told(story: Story) -> tuple[Nodes, LayoutTables]:
    """The nodes and the tables after each event by itself."""
    nodes = Nodes()
    translator = Translator(KEYS, nodes)
    tables = LayoutTables(KEYS, library=translator.files)
    for index, (path, value) in enumerate(story, 1):
        there = nodes.get(path)
        node = None if value is None else Node(value, there.created if there else index % 2 + 1, index)
        event = Event(path, node, index)
        is_heartbeat = nodes.is_heartbeat(event)
        touched = nodes.take(event)
        tables = tables.after([] if is_heartbeat else translator.changes(touched), index)
    return nodes, tables


@settings(max_examples=100)
@given(stories)
def test_event_by_event_and_read_anew_give_the_same_picture(story: Story) -> None:
    nodes, tables = told(story)
    anew = Nodes()
    translator = Translator(KEYS, anew)
    copy = Nodes()
    for root, name in nodes.groups():
        for rest, node in nodes.group(root, name).items():
            copy.put("/".join(part for part in (root, name, rest) if part), node)
    translator.changes(anew.become(copy))
    fresh = LayoutTables(KEYS).after(translator.everything(), tables.picture.revision)
    assert fresh.picture == tables.picture
    assert versions(fresh) == versions(tables)


def versions(tables: LayoutTables) -> list[tuple[str, int]]:
    """Those of all units and of their places, which are not compared with the rest."""
    jobs = [(name, job.version) for name, job in tables.picture.jobs.items()]
    places = [(n, place.version) for n, by in tables.picture.schedule.items() for place in by.values()]
    return sorted(jobs) + sorted(places)


@settings(max_examples=100)
@given(stories, stories)
def test_what_is_read_anew_says_only_what_differs(before: Story, after: Story) -> None:
    nodes, tables = told(before)
    other, expected = told(after)
    translator = Translator(KEYS, nodes)
    list(translator.changes(nodes.groups()))
    changes = translator.changes(nodes.become(other))
    made = tables.after(changes, expected.picture.revision)
    assert made.picture == expected.picture
    assert versions(made) == versions(expected)


@settings(max_examples=100)
@given(stories)
def test_a_unit_is_either_read_whole_or_flagged(story: Story) -> None:
    picture = told(story)[1].picture
    for name, places in picture.schedule.items():
        job = picture.jobs.get(name)
        for place in places.values():
            assert (place.hash, place.desired) == ((job.hash, job.desired) if job else ("", "inactive"))
    for by_machine in picture.reports.values():
        assert by_machine.keys() <= picture.machines.keys()
    assert all(picture.leader is not None for _ in picture.offers)


def test_what_is_written_is_what_the_original_writes() -> None:
    """The examples of etcd2-layout.md §8."""
    assert values.write_object("b22277-u0.service", "75e642b3aa6a42a1d05cca9f4c8324603651794b") == (
        '{"Name":"b22277-u0.service","UnitHash":'
        "[117,230,66,179,170,106,66,161,208,92,202,159,76,131,36,96,54,81,121,75]}"
    )
    file = UnitFile.from_text("[Service]\nExecStart=/bin/sleep infinity\n")
    assert file.hash == "8385c9176f09a5ee3bbb88d45c6fc3f0b69d1f52"
    assert values.write_file(file) == '{"Raw":"[Service]\\nExecStart=/bin/sleep infinity\\n"}'
    machine = Machine(
        "409278b5a7524b0dbfb323da4caeb020", "198.18.1.5", {"host": "h5"}, "0.0.0+x", frozenset()
    )
    assert values.write_machine(machine) == (
        '{"ID":"409278b5a7524b0dbfb323da4caeb020","PublicIP":"198.18.1.5","Metadata":{"host":"h5"},'
        '"Capabilities":{"DISABLE_ENGINE":false,"GRPC":false},"Version":"0.0.0+x"}'
    )
    assert values.write_leader(Leader("7c94")) == '{"MachineID":"7c94","Version":1}'


def test_a_state_begins_as_the_original_writes_it_and_ends_with_what_is_ours() -> None:
    report = Report(M1, A, "75e6", "loaded", "active", "running", launched=True, since=2.5)
    assert values.write_state(report) == (
        '{"loadState":"loaded","activeState":"active","subState":"running","machineState":'
        f'{{"ID":"{M1}","PublicIP":"","Metadata":null,"Capabilities":null,"Version":""}},'
        '"unitHash":"75e6","launched":true,"since":2.5}'
    )
    assert values.read_state(M1, A, values.write_state(report), launched=False) == report


@given(st.text(), st.text())
def test_machines_come_back_whatever_their_metadata_say(key: str, value: str) -> None:
    machine = Machine(M1, "198.18.0.1", {key: value}, "2.0.0")
    assert values.read_machine(M1, values.write_machine(machine)) == machine


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_nothing_that_is_read_breaks_in_another_way(value: Any) -> None:
    words = ("id", "name", "unithash", "raw", "metadata", "capabilities", "version", "loadstate", "since")
    for text in (json.dumps(value), json.dumps(dict.fromkeys(words, value))):
        values.read_leader(text)
        for read in (
            lambda t: values.read_object(A, t),
            lambda t: values.read_file("x", t),
            lambda t: values.read_state(M1, A, t, launched=False),
            lambda t: values.read_machine(M1, t),
        ):
            with suppress(Corrupt):
                read(text)


VERDICTS: dict[str, tuple[Reply | Failed, Verdict]] = {
    "a value": (Reply(200, 3, {"action": "get", "node": {}}), Verdict.ANSWERED),
    "no such key": (Reply(404, 3, {"errorCode": 100}), Verdict.ANSWERED),
    "another value": (Reply(412, 3, {"errorCode": 101}), Verdict.ANSWERED),
    "a past that is gone": (Reply(400, 3, {"errorCode": 401}), Verdict.ANSWERED),
    "no leader": (Reply(500, 3, {"errorCode": 300}), Verdict.UNKNOWN),
    "an election": (Reply(500, 3, {"errorCode": 301}), Verdict.UNKNOWN),
    "a time-out of etcd's own": (
        Reply(503, 0, {"message": "etcdserver: request timed out"}),
        Verdict.UNKNOWN,
    ),
    "a wrong password": (Reply(401, 0, {"message": "Insufficient credentials"}), Verdict.REFUSED),
    "no v2 API": (Reply(404, 0, None, "404 page not found"), Verdict.REFUSED),
    "no etcd": (Reply(200, 0, None, "hello"), Verdict.REFUSED),
    "a directory where a key was meant": (Reply(403, 3, {"errorCode": 102}), Verdict.REFUSED),
    "nobody there": (Failed(Failure.NOT_SENT, "refused"), Verdict.NOT_CARRIED_OUT),
    "no answer": (Failed(Failure.UNKNOWN, "no answer in time"), Verdict.UNKNOWN),
    "a strange certificate": (Failed(Failure.NO_TRUST, "self-signed"), Verdict.REFUSED),
}


@pytest.mark.parametrize("what", VERDICTS)
def test_every_answer_has_its_meaning(what: str) -> None:
    outcome, meaning = VERDICTS[what]
    assert verdict(outcome) is meaning


@pytest.mark.parametrize("path", ["job/_a.service/object", "_x", "job//x", "machines/../x", "."])
def test_a_path_that_etcd_would_hide_or_rewrite_is_refused(path: str) -> None:
    with pytest.raises(Refused):
        checked(path)


def test_what_leaves_is_written_before_what_arrives() -> None:
    leave, arrive, ask = Displace(M1, A), Place(entry(B)), Ask(offer(B))
    again = Displace(M1, B)
    plan: list[EngineWrite] = [leave, arrive, ask, again]
    assert phases(plan) == [[leave, arrive, ask], [again]]
    assert by_unit([arrive, leave, ask]) == [[leave], [arrive, ask]]


@pytest.mark.parametrize(("ttl", "period"), [(30.0, 24.0), (11.0, 8.8), (10.0, 5.0), (3.0, 1.5)])
def test_states_are_said_again_as_often_as_the_original_does(ttl: float, period: float) -> None:
    assert refresh_period(ttl) == pytest.approx(period)
