"""Against a daemon of fleet 1.0: what is said, byte for byte, and what the daemon is asked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleetctl.conftest import SIMPLE, Shell
from tests.fleetctl.old_daemon import OldDaemon, old_daemon

NEAR = "409278b5.../198.18.1.5"
OPTIONS = [{"name": "ExecStart", "section": "Service", "value": "/bin/sleep infinity"}]
SENT = '"options":[{"name":"ExecStart","section":"Service","value":"/bin/sleep infinity"}]'


@pytest.fixture
def old() -> Iterator[OldDaemon]:
    with old_daemon(token_limit=3) as daemon:
        yield daemon


@pytest.fixture
def fleetctl(old: OldDaemon, tmp_path: Path) -> Shell:
    return Shell(tmp_path, {"FLEETCTL_ENDPOINT": old.endpoint})


def test_every_request_is_one_of_the_client_of_1_0(old: OldDaemon, fleetctl: Shell) -> None:
    fleetctl.file("t@.service")
    fleetctl("submit", "t@1.service")
    *read, write = old.asked
    assert [one.target for one in read] == [
        "/fleet/v1/units/t%401.service?alt=json",
        "/fleet/v1/units/t%40.service?alt=json",
    ]
    assert {one.headers["User-Agent"] for one in old.asked} == {"google-api-go-client/0.5"}
    assert (write.method, write.target) == ("PUT", "/fleet/v1/units/t%401.service?alt=json")
    assert write.headers["Content-Type"] == "application/json"
    assert write.body.decode() == f'{{"name":"t@1.service",{SENT}}}\n'


def test_a_life_with_1_0(old: OldDaemon, fleetctl: Shell) -> None:
    fleetctl.file("a.service")
    started = fleetctl("start", "a")
    assert started.out == f"Unit a.service inactive\nUnit a.service launched on {NEAR}\n"
    assert fleetctl("start", "a").out == ""
    listed = fleetctl("list-units").out
    assert listed == f"UNIT\t\tMACHINE\t\t\tACTIVE\tSUB\na.service\t{NEAR}\tactive\trunning\n"
    stopped = fleetctl("stop", "a", "nope")
    assert (stopped.out, stopped.err) == (
        f"Unit a.service loaded on {NEAR}\n",
        "Successfully stopped units [a.service].\n",
    )
    assert fleetctl("load", "a").out == ""
    assert fleetctl("unload", "a").out == "Unit a.service inactive\n"
    gone = fleetctl("destroy", "a", "a")
    assert (gone.out, gone.err, gone.status) == ("Destroyed a.service\n", "", 0)
    assert {ran.status for ran in (started, stopped)} == {0}


def test_global_units_with_1_0_which_keeps_their_state_to_itself(old: OldDaemon, fleetctl: Shell) -> None:
    fleetctl.file("all.service", SIMPLE + "[X-Fleet]\nGlobal=true\n")
    assert fleetctl("start", "all").out == "Unit all.service \nTriggered global unit all.service start\n"
    row = fleetctl("list-unit-files", "--no-legend", "--fields=dstate,state,target").out
    assert row == "launched\t-\tglobal\n"
    assert fleetctl("stop", "all").out == "Triggered global unit all.service stop\n"
    assert fleetctl("unload", "all").out == "Triggered global unit all.service unload\n"


@pytest.mark.parametrize("count", [2, 3, 4, 6])
def test_lists_are_read_to_their_last_page_even_if_it_is_empty(
    old: OldDaemon, fleetctl: Shell, count: int
) -> None:
    names = [f"a{number}.service" for number in range(count)]
    for name in names:
        old.has(
            name, [*OPTIONS, {"name": "A", "section": "Service", "value": "ü" * 1000}], "launched", "launched"
        )
    assert fleetctl("list-unit-files", "--no-legend", "--fields=unit").out.split() == names
    assert [line.partition("Token=")[2] for line in old.requests()] == [
        "", "AwACAA%3D%3D", "AwADAA%3D%3D"
    ][: 1 + count // 3]  # fmt: skip
    assert fleetctl("list-units", "--no-legend", "--fields=unit").out.split() == names


def test_machines_are_asked_for_only_where_one_is_shown(old: OldDaemon, fleetctl: Shell) -> None:
    old.has("a.service", OPTIONS)
    fleetctl("list-unit-files")
    fleetctl("list-unit-files", "--fields=unit,state")
    assert old.requests() == ["GET units", "GET units"]
    old.has("b.service", OPTIONS, "launched", "launched")
    fleetctl("list-unit-files")
    assert old.requests() == ["GET units", "GET machines"]


def test_who_has_moved_is_followed_with_every_request(
    old: OldDaemon, fleetctl: Shell, tmp_path: Path
) -> None:
    fleetctl.file("a.service")
    with old_daemon() as sign:
        sign.moved = old.endpoint
        elsewhere = Shell(tmp_path, {"FLEETCTL_ENDPOINT": sign.endpoint})
        ran = elsewhere("submit", "a")
        assert (ran.out, ran.err, ran.status) == ("Unit a.service inactive\n", "", 0)
        assert elsewhere("cat", "a").out == SIMPLE
        sign.moved = sign.endpoint
        ran = elsewhere("cat", "a")
    assert ran.err.endswith("sends requests in circles: stopped after 10 redirects\n")
    assert ran.status == 1
