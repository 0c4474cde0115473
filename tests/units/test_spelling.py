"""Options of `[X-Fleet]` that mean nothing, and what they were meant to be."""

import pytest

from tests.units.xfleet import xfleet
from units.file import Option
from units.requirements import near_miss, unknown_options

SLIPS = {
    "Conflict": "Conflicts",
    "conflicts": "Conflicts",
    "Conflcits": "Conflicts",
    "X-Conflict": "Conflicts",
    "MachineMetaData": "MachineMetadata",
    "MachineMetdata": "MachineMetadata",
    "MachineId": "MachineID",
    "Machine-ID": "MachineID",
    "MachineIDs": "MachineID",
    "X-ConditionMachineId": "MachineID",
    "Machineof": "MachineOf",
    "MachinesOf": "MachineOf",
    "global": "Global",
    "Globall": "Global",
    "Replace": "Replaces",
    "Repalces": "Replaces",
}
NO_SLIPS = [
    "X-Peers",
    "X-Global",
    "X-MachineID",
    "X-MachineOf",
    "X-MachineMetadata",
    "X-ConditionMetadata",
    "X-ConditionConflicts",
    "MachineBootID",
    "Foo",
    "Description",
    "Machine",
    "",
    "a",
]
KNOWN = [
    "MachineID",
    "X-ConditionMachineID",
    "X-ConditionMachineBootID",
    "MachineOf",
    "X-ConditionMachineOf",
    "Conflicts",
    "X-Conflicts",
    "MachineMetadata",
    "X-ConditionMachineMetadata",
    "Global",
    "Replaces",
    "ConditionMachineOf",
    "ConditionMachineID",
    "ConditionMachineBootID",
    "ConditionMachineMetadata",
]


@pytest.mark.parametrize(("written", "meant"), SLIPS.items(), ids=SLIPS)
def test_a_slip_names_what_was_meant(written: str, meant: str) -> None:
    assert near_miss(written) == meant


@pytest.mark.parametrize("written", NO_SLIPS, ids=repr)
def test_any_other_word_means_nothing(written: str) -> None:
    assert near_miss(written) is None
    assert unknown_options([Option("X-Fleet", written, "x")]) == (written,)


@pytest.mark.parametrize("written", KNOWN)
def test_a_known_spelling_is_neither(written: str) -> None:
    assert near_miss(written) is None
    assert unknown_options([Option("X-Fleet", written, "x")]) == ()


def test_unknown_options_come_once_each_in_file_order() -> None:
    options = xfleet("Zoo=1 / Global=true / Bar=2 / Zoo=3 / conflicts=4")
    assert unknown_options((*options, Option("Service", "Mystery", "5"))) == ("Zoo", "Bar", "conflicts")
