"""What docs/fleetctl.md promises to other programs is what there is."""

import re
from pathlib import Path

import pytest

from fleetctl.columns import MACHINES, STATUSES, UNIT_FILES, UNITS, Shown, Status
from fleetctl.entities import Machine, State, Unit
from fleetctl.help import EXIT_STATUS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "fleetctl.md").read_text()
UNIT = Unit("a.service")
RECORDS = {
    "list-units": UNITS.record(State("a.service"), Shown()),
    "list-unit-files": UNIT_FILES.record(UNIT, Shown()),
    "list-machines": MACHINES.record(Machine("m"), Shown()),
}


@pytest.mark.parametrize("command", RECORDS)
def test_the_keys_of_a_list_are_documented_in_their_order(command: str) -> None:
    row = re.search(rf"^\| `{command}` \| (.*) \|$", PAGE, re.MULTILINE)
    assert row is not None
    assert re.findall("`(.*?)`", row[1]) == list(RECORDS[command])


def test_status_has_the_keys_of_its_unit_and_their_states() -> None:
    record = STATUSES.record(Status(UNIT, (State("a.service"),)), Shown())
    assert list(record) == [*RECORDS["list-unit-files"], "states"]
    assert list(record["states"][0]) == list(RECORDS["list-units"])


@pytest.mark.parametrize("status", [status for status, _ in EXIT_STATUS])
def test_every_exit_status_is_documented(status: str) -> None:
    assert re.search(rf"^\| ([0-9]+, )?{status}(, [0-9]+)? \|", PAGE, re.MULTILINE)
