"""`[X-Fleet]`: what each line asks for, row by row."""

import pytest

from tests.units.xfleet import xfleet
from units.file import Option
from units.requirements import EMPTY, Requirements, split_values, starts_first

SPLIT = {
    "a plain value": ("a=b", ("a=b",)),
    "a quoted value": ('"a=b"', ("a=b",)),
    "two quoted values": ('"a=b" "c=d"', ("a=b", "c=d")),
    "three quoted values": ('"bar" "ping" "pong"', ("bar", "ping", "pong")),
    "blanks without quotes do not split": ("a=b c=d", ("a=b c=d",)),
    "single quotes are ordinary": ("'a=b' 'c=d'", ("'a=b' 'c=d'",)),
    "a blank inside quotes stays": ('"a b=c d"', ("a b=c d",)),
    "quotes without a blank between glue": ('"a=b""c=d"', ("a=bc=d",)),
    "two blanks hold an empty value": ('"a=b"  "c=d"', ("a=b", "", "c=d")),
    "a tab glues": ('"a=b"\t"c=d"', ("a=b\tc=d",)),
    "a comma glues": ('"a=b","c=d"', ("a=b,c=d",)),
    "a quote only at the start": ('"a=b" c=d', ('"a=b" c=d',)),
    "a bare word between quotes": ('"a=b" c "d=e"', ("a=b", "c", "d=e")),
    "a lone quote at the end": ('"a=b" "', ("a=b", "")),
    "empty quotes": ('""', ("",)),
    "one quote": ('"', ("",)),
    "nothing": ("", ("",)),
    "a quote that never ends": ('"bar', ('"bar',)),
    "a quote that never began": ('bar"', ('bar"',)),
    "a backslash escapes no quote": ('"foo\\"bar"', ("foo\\bar",)),
    "a continued line keeps its backslash": ('"x" \\\n"y"', ("x", "\\\ny")),
}


@pytest.mark.parametrize(("value", "values"), SPLIT.values(), ids=SPLIT)
def test_values_of_one_line(value: str, values: tuple[str, ...]) -> None:
    assert split_values(value) == values


def metadata(**allowed: str) -> Requirements:
    """Requirements for these keys; values apart by `|`."""
    return Requirements(metadata=tuple((k, frozenset(v.split("|"))) for k, v in sorted(allowed.items())))


GLOBAL = Requirements(is_global=True)

# The unit is called foo@true.service.
ASKED = {
    "Conflicts=a.service b.service": Requirements(conflicts=("a.service", "b.service")),
    'Conflicts="a.service b.service"': Requirements(conflicts=("a.service", "b.service")),
    'Conflicts="a.service" "b.service"': Requirements(conflicts=("a.service", "b.service")),
    "Conflicts=a.service / Conflicts=b.service": Requirements(conflicts=("a.service", "b.service")),
    "Conflicts=": EMPTY,
    'Conflicts=""': EMPTY,
    "Conflicts=y / X-Conflicts=x": Requirements(conflicts=("x", "y")),
    "Conflicts=%p*.service": Requirements(conflicts=("foo*.service",)),
    "Conflicts=a\\\n b": Requirements(conflicts=("a\\", "b")),
    "Conflicts=a\u2003b\x1fc": Requirements(conflicts=("a", "b\x1fc")),
    "Replaces=a.service b.service": Requirements(replaces=("a.service b.service",)),
    'Replaces="a.service" "b.service"': Requirements(replaces=("a.service", "b.service")),
    "Replaces=": Requirements(replaces=("",)),
    "MachineOf=a.service b.service": Requirements(machine_of=("a.service b.service",)),
    'MachineOf="a.service" "b.service"': Requirements(machine_of=("a.service", "b.service")),
    "MachineOf=y.service / X-ConditionMachineOf=x.service": Requirements(
        machine_of=("x.service", "y.service")
    ),
    "X-ConditionMachineOf=x.service / MachineOf=y.service": Requirements(
        machine_of=("x.service", "y.service")
    ),
    "MachineOf=%p@2.service": Requirements(machine_of=("foo@2.service",)),
    "MachineOf=": Requirements(machine_of=("",)),
    "X-MachineOf=z.service": EMPTY,
    "MachineID=abc": Requirements(machine_id="abc"),
    'MachineID="123" "456"': Requirements(machine_id="123"),
    "MachineID=a / MachineID=b": Requirements(machine_id="a"),
    "MachineID=": Requirements(machine_id=""),
    "X-ConditionMachineID=456 / MachineID=123": Requirements(machine_id="123"),
    "MachineID=123 / X-ConditionMachineID=456": Requirements(machine_id="123"),
    "X-ConditionMachineBootID=123 / X-ConditionMachineID=456": Requirements(machine_id="456"),
    "X-ConditionMachineBootID=123": Requirements(machine_id="123"),
    "X-ConditionMachineID=z / MachineID=": Requirements(machine_id=""),
    "MachineBootID=e": EMPTY,
    "X-MachineID=e": EMPTY,
    "MachineID=%i": Requirements(machine_id="true"),
    'MachineMetadata=a=b / MachineMetadata="a=c" "d=e"': metadata(a="b|c", d="e"),
    "X-ConditionMachineMetadata=a=b / MachineMetadata=a=c": metadata(a="b|c"),
    "MachineMetadata=a=b c=d": EMPTY,
    "MachineMetadata=a": EMPTY,
    "MachineMetadata==a=": EMPTY,
    "MachineMetadata===a": EMPTY,
    "MachineMetadata==a=b=c": EMPTY,
    "MachineMetadata=foo=": EMPTY,
    "MachineMetadata==bar": EMPTY,
    "MachineMetadata= a = b ": Requirements(metadata=(("a ", frozenset({" b"})),)),
    "MachineMetadata=host=%i": metadata(host="true"),
    "Global=true": GLOBAL,
    "Global=True": GLOBAL,
    "Global=Yes": GLOBAL,
    "Global=On": GLOBAL,
    "Global=1": GLOBAL,
    "Global=t": GLOBAL,
    'Global="true"': GLOBAL,
    "Global=%i": GLOBAL,
    "Global=false": EMPTY,
    "Global=what": EMPTY,
    "Global=12": EMPTY,
    "Global=y": EMPTY,
    "Global=": EMPTY,
    'Global=" true"': EMPTY,
    "Global=true / Global=false": EMPTY,
    "Global=false / Global=true": GLOBAL,
    'Global="false" "true"': GLOBAL,
    "X-Global=true": EMPTY,
    "global=true": EMPTY,
    "Machineof=a.service": EMPTY,
    "X-MachineMetadata=a=b": EMPTY,
    "X-ConditionMetadata=a=b": EMPTY,
    "X-ConditionConflicts=a": EMPTY,
    "X-Peers=a": EMPTY,
    # fleet 1.0 did not know these three; books about CoreOS print them.
    "ConditionMachineOf=a.service": Requirements(machine_of=("a.service",)),
    "ConditionMachineID=a": Requirements(machine_id="a"),
    "ConditionMachineBootID=a": Requirements(machine_id="a"),
    "ConditionMachineBootID=a / X-ConditionMachineBootID=b / ConditionMachineID=c": Requirements(
        machine_id="c"
    ),
    "ConditionMachineMetadata=a=b": metadata(a="b"),
    "MachineOf=z / ConditionMachineOf=y / X-ConditionMachineOf=x": Requirements(machine_of=("x", "y", "z")),
}


@pytest.mark.parametrize(("lines", "asked"), ASKED.items(), ids=ASKED)
def test_what_the_lines_ask_for(lines: str, asked: Requirements) -> None:
    assert Requirements.of("foo@true.service", xfleet(lines)) == asked


def test_only_the_section_of_that_name_counts() -> None:
    options = [Option("X-fleet", "Global", "true"), Option("Unit", "MachineOf", "a.service")]
    assert Requirements.of("a.service", options) is EMPTY


def test_a_name_without_a_type_expands_nothing() -> None:
    assert Requirements.of("foo", xfleet("MachineOf=%p")).machine_of == ("%p",)


def test_conflicts_are_split_once_more_after_specifiers() -> None:
    options = xfleet("Conflicts=%i")
    assert Requirements.of("foo@a b.service", options).conflicts == ("a", "b")


def test_requirements_of_equal_units_are_equal_and_can_be_hashed() -> None:
    a = Requirements.of("a.service", xfleet("MachineMetadata=a=b / MachineMetadata=c=d"))
    b = Requirements.of("b.service", xfleet("MachineMetadata=c=d / MachineMetadata=a=b"))
    assert len({a, b}) == 1


HANDOVERS = {
    "not said": ([], False),
    "start first": (["start-first"], True),
    "capitals count for nothing": (["Start-First"], True),
    "the last one counts": (["start-first", "stop-first"], False),
    "another word": (["later"], False),
}


@pytest.mark.parametrize(("values", "expected"), HANDOVERS.values(), ids=HANDOVERS.keys())
def test_whether_a_unit_is_replaced_before_it_stops(values: list[str], expected: bool) -> None:
    assert starts_first([Option("X-Fleet", "Handover", value) for value in values]) is expected
