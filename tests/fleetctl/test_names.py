"""From arguments to names of units."""

import pytest

from fleetctl.entities import Unit
from fleetctl.names import chosen_name, picked, unit_name, with_type

NAMES = {
    "foo": "foo.service",
    "foo.1": "foo.1.service",
    "dir/bar.socket": "bar.socket",
    "foo@1": "foo@1.service",
    "foo.target": "foo.target.service",
    "foo.slice": "foo.slice.service",
    "./units/a.service": "a.service",
    "units/a.timer/": "a.timer",
    "a.mount": "a.mount",
    "a.automount": "a.automount",
    "a.path": "a.path",
    "a.device": "a.device",
    "*": "*.service",
    "": "..service",
}


@pytest.mark.parametrize(("argument", "name"), NAMES.items())
def test_an_argument_names_the_unit_that_fleet_1_0_took_it_for(argument: str, name: str) -> None:
    assert unit_name(argument) == name


def test_the_path_of_a_file_gets_its_type_too() -> None:
    assert with_type("units/noext") == "units/noext.service"
    assert with_type("") == ".service"


def test_a_name_with_another_type_means_that_unit_if_it_exists() -> None:
    assert chosen_name("units/a.target", {"a.target"}) == "a.target"
    assert chosen_name("a.target", {"b.target"}) == "a.target.service"


def test_units_are_picked_in_the_order_of_the_arguments_and_the_unknown_are_named() -> None:
    units = {name: Unit(name) for name in ("a.service", "b.service")}
    known, unknown = picked(["b", "nope", "x/a.service", "b"], units)
    assert [unit.name for unit in known] == ["b.service", "a.service", "b.service"]
    assert unknown == ["nope.service"]
