"""Why units are where they are, and what would happen if: the API's answers, as people see them."""

import json
import time
from typing import Any

import pytest

from fleetctl.forecast import BadMetadata, Forecast, metadata, sentence
from fleetctl.placement import Placement, age, summary
from fleetctl.verdict import End, no_place
from tests.fleetctl.canned_api import canned_api
from tests.fleetctl.conftest import Shell
from tests.fleetctl.small_cluster import M1, M2

M3, M4 = "3" * 32, "4" * 32
WAITING = "no machine can run it: 1 lacks metadata, 1 has a conflict"
NEEDS = {"option": "MachineMetadata", "objection": "local Machine metadata insufficient"}
BESIDE = {"option": "Conflicts", "objection": "found conflict with locally-scheduled Unit([b.service])"}
WAITS: dict[str, Any] = {
    "name": "a.service",
    "desiredState": "launched",
    "currentState": "inactive",
    "waiting": WAITING,
    "constraints": [
        {"option": "MachineMetadata", "machines": [M1]},
        {"option": "Conflicts", "machines": [M2]},
    ],
    "machines": [{"id": M1, "ip": "10.0.0.1", "load": 4, **NEEDS}, {"id": M2, "load": 7, **BESIDE}],
}
UNIT = {"name": "a.service", "desiredState": "launched", "currentState": "inactive"}


def waits(*hosts: dict[str, object]) -> Placement:
    return Placement.from_json({"name": "a.service", "waiting": "it waits", "machines": hosts})


HOPELESS = {
    "every machine has an objection": (waits({"id": M1, **NEEDS}), True),
    "one could run it": (waits({"id": M1, **NEEDS}, {"id": M2}), False),
    "one has been asked and is thinking": (waits({"id": M1, "offered": True}), False),
    "one has bid": (waits({"id": M1, "offered": True, "price": 0.0}), False),
    "all that could have refused": (waits({"id": M1, "offered": True, "refusal": "no memory"}), True),
    "there is no machine": (waits(), True),
    "it does not wait": (Placement.from_json({"name": "a.service"}), False),
}


@pytest.mark.parametrize(("placement", "hopeless"), HOPELESS.values(), ids=HOPELESS)
def test_a_unit_is_hopeless_when_every_machine_has_said_no(placement: Placement, hopeless: bool) -> None:
    assert bool(placement.hopeless) is hopeless
    assert (no_place(placement).end is End.NO_PLACE) is hopeless


def test_without_an_answer_a_unit_is_waited_for() -> None:
    assert no_place(None).end is End.NOT_YET


def test_the_summary_says_since_when_a_unit_waits() -> None:
    told = summary(Placement.from_json({**WAITS, "since": 1000.0}), 1075.0)
    assert told[0] == f"a.service: to be launched, has waited for 1 min 15 s: {WAITING}"


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (59, "59 s"), (3600, "1 h"), (90061, "1 d 1 h"), (-5, "0 s")]
)
def test_ages_have_two_units(seconds: float, said: str) -> None:
    assert age(seconds) == said


def test_why_tells_each_constraint_and_each_machine(alone: Shell) -> None:
    answers = {"GET units/a.service": (200, UNIT), "GET units/a.service/why": (200, WAITS)}
    with canned_api(answers) as api:
        ran = alone("--endpoint", api.endpoint, "why", "a")
        assert (ran.err, ran.status) == ("", 2)
        assert ran.out == (
            f"a.service: to be launched, waits: {WAITING}\n"
            "MachineMetadata: rules out 1 of 2 machines (11111111.../10.0.0.1)\n"
            "Conflicts: rules out 1 of 2 machines (22222222...)\n"
            "\n"
            "MACHINE\t\t\tUNITS\tANSWER\n"
            "11111111.../10.0.0.1\t4\tMachineMetadata: local Machine metadata insufficient\n"
            "22222222...\t\t7\tConflicts: found conflict with locally-scheduled Unit([b.service])\n"
        )
        assert json.loads(alone("--endpoint", api.endpoint, "why", "-o", "json", "a").out) == [WAITS]


def test_why_tells_who_bid_refused_kept_silent_and_won(alone: Shell) -> None:
    said = {
        "name": "a.service", "desiredState": "launched", "currentState": "launched", "machineID": M1,
        "machines": [
            {"id": M1, "ip": "10.0.0.1", "load": 4, "offered": True, "price": 0.5},
            {"id": M2, "load": 7, "offered": True, "refusal": "it is cordoned"},
            {"id": M3, "load": 0, "offered": True},
            {"id": M4, "load": 9},
        ],
        "verdict": {"at": 1.0, "winner": M1, "reason": "lowest of 2 bids"},
    }  # fmt: skip
    answers = {"GET units/a.service": (200, UNIT), "GET units/a.service/why": (200, said)}
    with canned_api(answers) as api:
        ran = alone("--endpoint", api.endpoint, "why", "a")
    assert ran.status == 0
    assert ran.out == (
        "a.service: launched on 11111111.../10.0.0.1\n"
        "Last decision: lowest of 2 bids\n"
        "\n"
        "MACHINE\t\t\tUNITS\tANSWER\n"
        "11111111.../10.0.0.1\t4\tbid 0.5 (won)\n"
        "22222222...\t\t7\trefused: it is cordoned\n"
        "33333333...\t\t0\tsilent\n"
        "44444444...\t\t9\tcould run it, was not asked\n"
    )


def test_why_tells_the_states_with_what_hosts_could_not_do_and_of_machines_that_are_gone(
    alone: Shell,
) -> None:
    words = ("systemdLoadState", "systemdActiveState", "systemdSubState")
    said = {
        "name": "a.service", "desiredState": "launched", "currentState": "launched", "machineID": M1,
        "machines": [{"id": M1, "ip": "10.0.0.1", "load": 4}],
        "states": [
            {"machineID": M1, "since": 60.0, "reason": "full", "failures": 2,
             **dict(zip(words, ("error", "failed", "failed"), strict=True))},
            {"machineID": M2, "lastSeen": 3600.5, **dict.fromkeys(words, "unknown")},
        ],
    }  # fmt: skip
    answers = {"GET units/a.service": (200, UNIT), "GET units/a.service/why": (200, said)}
    with canned_api(answers) as api:
        ran = alone("--endpoint", api.endpoint, "why", "a")
    assert ran.out.splitlines()[1:3] == [
        "State on 11111111.../10.0.0.1: failed (failed) since 1970-01-01T00:01:00Z: full (failed 2 times)",
        "State on 22222222...: unknown: its machine is gone, last seen 1970-01-01T01:00:00Z",
    ]


def test_lists_beyond_those_of_1_0_show_the_units_of_machines_that_are_gone(alone: Shell) -> None:
    words = ("systemdLoadState", "systemdActiveState", "systemdSubState")
    here = {"name": "a.service", "machineID": M1, **dict.fromkeys(words, "active"), "hash": "5" * 40}
    gone = {"name": "b.service", "machineID": M2, **dict.fromkeys(words, "unknown")}
    answers = {
        "GET state": (200, {"states": [here]}),
        "GET state?view=full": (200, {"states": [{**here, "since": 60.0}, {**gone, "lastSeen": 3600.5}]}),
        "GET machines": (200, {"machines": [{"id": M1, "primaryIP": "10.0.0.1"}]}),
    }
    with canned_api(answers) as api:
        plain = alone("--endpoint", api.endpoint, "list-units", "--no-legend", "--fields=unit").out
        wide = alone("--endpoint", api.endpoint, "list-units", "--no-legend", "-o", "wide").out
        rows = json.loads(alone("--endpoint", api.endpoint, "list-units", "-o", "json").out)
    assert plain == "a.service\n"
    (_, last) = wide.splitlines()
    assert last.split("\t")[-1] == "its machine is gone, last seen 1970-01-01T01:00:00Z"
    assert [(row["active"], row["since"], row["lastSeen"]) for row in rows] == [
        ("active", 60.0, None),
        ("unknown", None, 3600.5),
    ]


def test_why_of_what_does_not_exist(alone: Shell) -> None:
    with canned_api({"GET units": (200, {})}) as api:
        ran = alone("--endpoint", api.endpoint, "why", "nope", "web@*")
    assert (ran.out, ran.status) == ("", 1)
    assert ran.err == "Unit nope.service does not exist.\nNo unit matches web@*.\n"


def test_a_daemon_that_cannot_tell_is_said_to_be_old(alone: Shell) -> None:
    with canned_api({"GET units/a.service": (200, UNIT)}) as api:
        ran = alone("--endpoint", api.endpoint, "why", "a")
        assert ran.err == (
            "Error asking for the reason: the daemon there cannot say why: it is of an older version\n"
        )
        ran = alone("--endpoint", api.endpoint, "plan", "stop", "a")
        assert ran.err == "Error planning: the daemon there cannot plan: it is of an older version\n"
        assert ran.status == 1


def test_start_of_what_nothing_can_host_says_so_instead_of_waiting(alone: Shell) -> None:
    alone.file("a.service")
    answers = {"PUT units/a.service": (201, None), "GET units/a.service/why": (200, WAITS)}
    with canned_api(answers, after_put={"GET units/a.service": (200, UNIT)}) as api:
        ran = alone("--endpoint", api.endpoint, "start", "a")
    assert ran.err.startswith(f"Error waiting for units: unit a.service cannot be placed: {WAITING} (")
    assert ran.status == 2


def test_start_tells_what_the_daemon_itself_says(fleetctl: Shell) -> None:
    fleetctl.file(
        "a.service", "[Service]\nExecStart=/a\n[Play]\nMachine=none\n[X-Fleet]\nMachineMetadata=a=b\n"
    )
    fleetctl.file(
        "b.service", "[Service]\nExecStart=/a\n[Play]\nMachine=none\n[X-Fleet]\nMachineOf=c.service\n"
    )
    ran = fleetctl("start", "a", "b")
    assert (
        ran.err.count(" cannot be placed: no engine has placed it yet; 0 of 2 machines could run it (") == 3
    )
    assert ran.status == 2
    assert "MachineMetadata: rules out 2 of 2 machines (" in fleetctl("why", "a").out
    planned = fleetctl("plan", "start", "a")
    assert "a.service would have no place: " in planned.out + planned.err
    assert planned.status == 2


def test_with_attempts_a_place_is_waited_for(alone: Shell) -> None:
    alone.file("a.service")
    answers = {"PUT units/a.service": (201, None), "GET units/a.service/why": (200, WAITS)}
    with canned_api(answers, after_put={"GET units/a.service": (200, UNIT)}) as api:
        begin = time.monotonic()
        ran = alone("--endpoint", api.endpoint, "start", "--block-attempts=1", "a")
    assert time.monotonic() - begin > 2
    assert f"to report state launched ({WAITING})" in ran.err
    assert ran.status == 2


FORECAST = {
    "changes": [
        {"name": "a.service", "to": M2, "reason": "least loaded"},
        {"name": "b.service", "from": M1, "to": M2, "reason": "machine is gone"},
        {"name": "c.service", "from": M1},
    ],
    "waiting": [{"name": "gpu.service", "reason": WAITING}],
}


def test_a_plan_is_shown_as_a_table_and_ends_with_2_if_something_has_no_place(alone: Shell) -> None:
    machines = {"machines": [{"id": M1, "primaryIP": "10.0.0.1"}, {"id": M2}]}
    with canned_api({"POST plan": (200, FORECAST), "GET machines": (200, machines)}) as api:
        ran = alone("--endpoint", api.endpoint, "plan", "lose", "1")
        assert ran.out == (
            "UNIT\t\tWOULD\tFROM\t\t\tTO\t\tREASON\n"
            "a.service\tstart\t-\t\t\t22222222...\tleast loaded\n"
            "b.service\tmove\t11111111.../10.0.0.1\t22222222...\tmachine is gone\n"
            "c.service\tstop\t11111111.../10.0.0.1\t-\t\t-\n"
            f"gpu.service would have no place: {WAITING}\n"
            "1 would start, 1 would move, 1 would stop, 1 would have no place.\n"
        )
        assert (ran.err, ran.status) == ("", 2)
        alone("--endpoint", api.endpoint, "plan", "add", "disk=ssd,zone=a", "--machine=2")
        alone("--endpoint", api.endpoint, "plan", "add", "disk=ssd")
    assert api.bodies == [
        {"lose": [M1]},
        {"metadata": [{"machineID": M2, "key": "disk", "value": "ssd"},
                      {"machineID": M2, "key": "zone", "value": "a"}]},
        {"add": [{"metadata": {"disk": "ssd"}}]},
    ]  # fmt: skip


def test_a_plan_of_starts_sends_files_and_names(alone: Shell) -> None:
    alone.file("new.service", "[Service]\nExecStart=/bin/true\n")
    answers = {
        "GET units/a.service": (200, {**UNIT, "options": [{"section": "Unit", "name": "X", "value": "y"}]}),
        "POST plan": (200, {}),
    }
    with canned_api(answers) as api:
        ran = alone("--endpoint", api.endpoint, "plan", "start", "new.service", "a")
    assert (ran.out, ran.status) == ("Nothing would change.\n", 0)
    options = [{"section": "Service", "name": "ExecStart", "value": "/bin/true"}]
    assert api.bodies == [{"start": [{"name": "new.service", "options": options}, {"name": "a.service"}]}]


@pytest.mark.parametrize("words", [(), ("start",), ("burn", "x")])
def test_a_plan_of_nothing_is_an_error_of_usage(alone: Shell, words: tuple[str, ...]) -> None:
    ran = alone("--endpoint=http://127.0.0.1:1", "plan", *words)
    assert ran.err.startswith("What if? fleetctl plan ")
    assert ran.status == 64


def test_metadata_are_pairs() -> None:
    assert metadata(["a=1,b=", "c=x=y"]) == {"a": "1", "b": "", "c": "x=y"}
    with pytest.raises(BadMetadata, match='"nope" is no metadata'):
        metadata(["nope"])


def test_a_plan_that_changes_nothing_says_so() -> None:
    assert sentence(Forecast((), ())) == "Nothing would change."
