"""Tables, to the tab."""

from typing import TypeVar

import pytest

from fleetctl.columns import MACHINES, UNIT_FILES, UNITS, Shown, Table
from fleetctl.entities import Machine, Setting, State, Unit
from fleetctl.tables import aligned

Item = TypeVar("Item")
VECTORS = {
    "the example of the specification": (
        [
            ["UNIT", "MACHINE", "ACTIVE", "SUB"],
            ["b.service", "m1.../1.2.3.4", "active", "running"],
            ["zz.service", "m9...", "active", "running"],
        ],
        [
            "UNIT\t\tMACHINE\t\tACTIVE\tSUB",
            "b.service\tm1.../1.2.3.4\tactive\trunning",
            "zz.service\tm9...\t\tactive\trunning",
        ],
    ),
    "a cell that fills a tab stop gets one more": (
        [["1234567", "x"], ["12345678", "y"]],
        ["1234567\t\tx", "12345678\ty"],
    ),
    "an empty cell counts as nothing": ([["", "x"], ["a", "y"]], ["\tx", "a\ty"]),
    "one column has no tabs": ([["UNIT"], ["a.service"]], ["UNIT", "a.service"]),
    "nothing": ([], []),
    "characters count, not bytes": ([["ééééééé", "x"]], ["ééééééé\tx"]),
}


@pytest.mark.parametrize(("rows", "lines"), VECTORS.values(), ids=VECTORS)
def test_columns_are_aligned_with_tabs(rows: list[list[str]], lines: list[str]) -> None:
    assert aligned(rows) == lines


M = Machine("0123456789abcdef", "198.18.0.1", {"b": "2", "a": "1"})
SHOWN = Shown(machines=(M,))


def cells(table: Table[Item], item: Item, fields: str, shown: Shown = SHOWN) -> list[str]:
    return table.rows([item], table.chosen(fields), shown)[0]


def test_a_unit_is_shown_with_its_machine_and_what_systemd_says() -> None:
    state = State("a.service", M.id, "abcdef0123456789", "loaded", "active", "running")
    assert cells(UNITS, state, "unit,machine,load,active,sub,hash") == [
        "a.service", "01234567.../198.18.0.1", "loaded", "active", "running", "abcdef0",
    ]  # fmt: skip
    full = Shown(full=True, machines=(M,))
    assert cells(UNITS, state, "machine,hash", full) == ["0123456789abcdef/198.18.0.1", "abcdef0123456789"]


def test_what_is_missing_is_a_dash_but_for_the_words_of_systemd() -> None:
    assert cells(UNITS, State("a.service"), "machine,hash,load,active,sub") == ["-", "-", "", "", ""]
    assert cells(UNITS, State("a.service", "gone"), "machine") == ["gone..."]
    assert cells(MACHINES, Machine("m1"), "machine,ip,metadata") == ["m1...", "-", "-"]


def test_metadata_are_sorted_by_key() -> None:
    assert cells(MACHINES, M, "machine,ip,metadata") == ["01234567...", "198.18.0.1", "a=1,b=2"]


def test_a_unit_file_is_shown_with_both_its_states_and_its_target() -> None:
    options = (Setting("Unit", "Description", "a thing"), Setting("Service", "ExecStart", "/bin/true"))
    unit = Unit("a.service", options, "launched", "loaded", M.id)
    assert cells(UNIT_FILES, unit, "unit,hash,dstate,state,target,tmachine,global,desc") == [
        "a.service", unit.file.hash[:7], "launched", "loaded",
        "01234567.../198.18.0.1", "01234567.../198.18.0.1", "false", "a thing",
    ]  # fmt: skip
    assert cells(UNIT_FILES, Unit("a.service"), "dstate,state,target,desc") == ["-", "-", "-", "-"]


def test_a_global_unit_has_no_state_and_no_machine() -> None:
    unit = Unit("a.service", (Setting("X-Fleet", "Global", "true"),), "launched", "inactive")
    assert cells(UNIT_FILES, unit, "dstate,state,target,global") == ["launched", "-", "global", "true"]


def test_a_column_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match=r"^Unit$"):
        UNITS.chosen("unit,Unit")
