"""Patterns, filters and output for programs: what a script asks of lists and of commands on many units."""

import json

import pytest

from fleetctl.entities import Machine, State, Unit
from fleetctl.filters import NoMachine, Wanted, machine_fits, machine_id, state_fits, unit_fits
from fleetctl.formats import Data, rendered
from fleetctl.names import is_pattern, matches, spread
from tests.fleetctl.conftest import SIMPLE, Shell
from tests.fleetctl.small_cluster import M1, M2

MEANT = {
    ("web@*", "web@1.service"): True,
    ("web@?", "web@1.service"): True,
    ("web@*", "web@1.socket"): True,
    ("web@*.service", "web@1.socket"): False,
    ("w[ab]*", "web.service"): False,
    ("*", "x.mount"): True,
}


@pytest.mark.parametrize(("pair", "meant"), MEANT.items())
def test_a_pattern_means_names_with_or_without_their_type(pair: tuple[str, str], meant: bool) -> None:
    assert is_pattern(pair[0])
    assert matches(*pair) is meant


def test_patterns_are_spread_and_never_mean_templates() -> None:
    names = ["web@2.service", "web@.service", "web@1.service"]
    assert spread(["x", "web@*", "no*"], names) == (["x", "web@1.service", "web@2.service"], ["no*"])


STATE = State("web.service", M1, "", "loaded", "failed", "exited")
FITS = {
    "nothing asked for": (Wanted(), True),
    "its name": (Wanted(("web",)), True),
    "another name": (Wanted(("wub",)), False),
    "a pattern": (Wanted(("w*", "x")), True),
    "its machine": (Wanted(machine=M1), True),
    "another machine": (Wanted(machine=M2), False),
    "its active state": (Wanted(states=frozenset({"failed"})), True),
    "its sub state": (Wanted(states=frozenset({"x", "exited"})), True),
    "another state": (Wanted(states=frozenset({"active"})), False),
}


@pytest.mark.parametrize(("wanted", "fits"), FITS.values(), ids=FITS)
def test_a_row_is_wanted_if_all_that_is_asked_for_fits(wanted: Wanted, fits: bool) -> None:
    assert state_fits(STATE, wanted) is fits


def test_units_and_machines_are_chosen_alike() -> None:
    assert unit_fits(Unit("a.service", desired="launched"), Wanted(states=frozenset({"launched"})))
    assert machine_fits(Machine(M1), ["11", "x"])
    assert not machine_fits(Machine(M1), ["2"])


def test_a_machine_is_called_by_the_beginning_of_its_id_if_that_is_its_alone() -> None:
    assert machine_id("1", [M1, M2]) == M1
    with pytest.raises(NoMachine, match='no machine has an ID that begins with "3"'):
        machine_id("3", [M1, M2])
    with pytest.raises(NoMachine, match=r'"1" is not unique: 111111111111\.\.\., 12\.\.\.'):
        machine_id("1", [M1, "12"])


YAML = """\
- unit: a@1.service
  hash: "1e10"
  "on": "yes"
  "": ""
  count: 3
  global: true
  none: null
  metadata:
    zone: eu-west
    text: "two\\nlines: \\u007f \\u2028 \\"é\\""
  list:
    - - x
      - "- y"
  empty: {}
  nothing: []"""


def test_yaml_says_the_same_as_json() -> None:
    data: Data = {
        "unit": "a@1.service", "hash": "1e10", "on": "yes", "": "", "count": 3, "global": True, "none": None,
        "metadata": {"zone": "eu-west", "text": 'two\nlines: \x7f \u2028 "é"'},
        "list": [["x", "- y"]], "empty": {}, "nothing": [],
    }  # fmt: skip
    assert rendered("yaml", [data]) == YAML
    assert json.loads(rendered("json", [data])) == [data]
    assert rendered("yaml", []) == "[]"


@pytest.fixture
def three(fleetctl: Shell) -> Shell:
    fleetctl.file("web@.service")
    fleetctl.file("db.service", "[Unit]\nDescription=Data\n" + SIMPLE)
    fleetctl("start", "web@1", "web@2")
    fleetctl("submit", "db")
    return fleetctl


def test_lists_show_only_what_is_asked_for(three: Shell) -> None:
    rows = ("--no-legend", "--fields=unit")
    assert three("list-units", *rows, "web@1*").out == "web@1.service\n"
    assert three("list-units", *rows, "--machine=2").out == ""
    assert three("list-units", *rows, "--full", "true").out == "web@1.service\nweb@2.service\n"
    assert three("list-units", *rows, "--state", "running").out == "web@1.service\nweb@2.service\n"
    assert three("list-unit-files", *rows, "--state=inactive").out == "db.service\n"
    assert three("list-machines", "--no-legend", "--fields=ip", "22").out == "198.18.0.2\n"
    ran = three("list-units", "--machine=9")
    assert (ran.status, ran.out) == (1, "")
    assert 'no machine has an ID that begins with "9"' in ran.err


def test_lists_for_programs_have_all_keys(three: Shell) -> None:
    units = json.loads(three("list-units", "-o", "json", "web@1").out)
    assert units == [
        {"unit": "web@1.service", "machine": M1, "ip": "198.18.0.1", "load": "loaded", "active": "active",
         "sub": "running", "hash": units[0]["hash"], "since": units[0]["since"], "reason": "", "failures": 0,
         "lastSeen": None}
    ]  # fmt: skip
    files = json.loads(three("list-unit-files", "-ojson", "db").out)
    assert files == [
        {"unit": "db.service", "hash": files[0]["hash"], "desired": "inactive", "current": "inactive",
         "global": False, "machine": "", "ip": "", "description": "Data"}
    ]  # fmt: skip
    machines = json.loads(three("list-machines", "--output=json").out)
    assert machines[0] == {"machine": M1, "ip": "198.18.0.1", "metadata": {"disk": "ssd", "zone": "a"}}


def test_lists_by_name_wide_and_in_yaml(three: Shell) -> None:
    assert three("list-unit-files", "-o", "name").out == "db.service\nweb@1.service\nweb@2.service\n"
    wide = three("list-units", "-o", "wide", "--no-legend", "web@1").out.split()
    assert wide[:5] == ["web@1.service", f"{M1}/198.18.0.1", "loaded", "active", "running"]
    assert len(wide[5]) == 40
    assert (
        three("list-machines", "-o", "yaml", "2").out
        == f'- machine: "{M2}"\n  ip: "198.18.0.2"\n  metadata: {{}}\n'
    )
    assert three("list-units", "-o", "xml").status == 64


def test_commands_take_patterns_of_units_that_exist(three: Shell) -> None:
    ran = three("stop", "web@*", "nope*")
    assert ran.err == ("No unit matches nope*\nSuccessfully stopped units [web@1.service web@2.service].\n")
    assert three("start", "web@*").status == 0
    ran = three("load", "nope*")
    assert (ran.status, ran.err) == (1, "Error creating units: no unit of the cluster matches nope*\n")
    assert (
        three("destroy", "*").out
        == "Destroyed db.service\nDestroyed web@1.service\nDestroyed web@2.service\n"
    )
