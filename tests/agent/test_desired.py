"""What has to run here: the rows of fleet 1.0 (scheduling 6.2), less its defects."""

from collections.abc import Sequence

import pytest

from agent.desired import Desired, KnownRequirements, candidates, desired
from registry.records import Job, Picture, ScheduleEntry
from tests.builders import full, unit_file
from units.file import UnitFile
from units.machine import Machine
from units.requirements import Requirements
from units.state import TargetState

Row = tuple[str, str, Sequence[str]]


def picture(*rows: Row, machine: Machine | None = None, broken: Sequence[str] = ()) -> Picture:
    """Rows: `"g a"` for a global or `"s a"` for a scheduled unit, desired state, [X-Fleet] lines."""
    jobs: dict[str, Job] = {}
    schedule: dict[str, dict[str, ScheduleEntry]] = {}
    for word, state, lines in rows:
        kind, name = word.split()
        hash = unit_file(*lines).hash
        if kind == "g":
            jobs[full(name)] = Job(full(name), hash, TargetState(state), is_global=True)
        else:
            machine_id = "m1" if kind == "s" else kind
            entry = ScheduleEntry(machine_id, full(name), hash, TargetState(state))
            schedule.setdefault(full(name), {})[machine_id] = entry
    me = machine or Machine("m1")
    return Picture(1, jobs, schedule=schedule, machines={me.id: me}, broken=dict.fromkeys(broken, "not JSON"))


def wish(*rows: Row, machine: Machine | None = None, known: bool = True) -> Desired:
    known_ones = {
        name: Requirements.of(name, unit_file(*lines).options)
        for word, _, lines in rows
        if known and (name := full(word.split()[1]))
    }
    there = picture(*rows, machine=machine)
    made = desired(there, "m1", candidates(there, "m1"), known_ones)
    assert made is not None
    return made


CASES: dict[str, tuple[tuple[Row, ...], str]] = {
    "a unit scheduled here runs here": ((("s a", "launched", ()),), "a"),
    "a unit scheduled elsewhere does not": ((("m2 a", "launched", ()),), ""),
    "a unit scheduled here whose owner wants it inactive does not run": ((("s a", "inactive", ()),), ""),
    "a unit scheduled here runs whatever its metadata say: that is for the engine": (
        (("s a", "loaded", ("MachineMetadata=disk=ssd",)),),
        "a",
    ),
    "a global unit runs on every machine": ((("g a", "loaded", ()),), "a"),
    "a global unit does not run where its metadata do not fit": (
        (("g a", "launched", ("MachineMetadata=disk=ssd",)),),
        "",
    ),
    "a global unit that was only submitted does not run": ((("g a", "inactive", ()),), ""),
    "a global unit that sorts first takes the place of a scheduled one": (
        (("g a", "launched", ("Conflicts=b.service",)), ("s b", "launched", ())),
        "a",
    ),
    "a scheduled unit that sorts first keeps a global one away": (
        (("s a", "launched", ()), ("g b", "launched", ("Conflicts=a.service",))),
        "a",
    ),
    "a scheduled unit's own pattern counts against a global one": (
        (("s a", "launched", ("Conflicts=b*",)), ("g b", "launched", ())),
        "a",
    ),
    "a global unit that was only submitted takes nothing down (in fleet 1.0 it did)": (
        (("g a", "inactive", ("Conflicts=b.service",)), ("s b", "launched", ())),
        "b",
    ),
    "of two global units that conflict the first by name runs": (
        (("g g1", "launched", ("Conflicts=g*",)), ("g g2", "launched", ("Conflicts=g*",))),
        "g1",
    ),
    "what was itself kept away keeps nobody away": (
        (
            ("g a", "launched", ("Conflicts=b*",)),
            ("g b", "launched", ("Conflicts=c*",)),
            ("s c", "launched", ()),
        ),
        "a c",
    ),
    "of two scheduled units that conflict the first by name runs": (
        (("s b", "launched", ("Conflicts=c*",)), ("s c", "launched", ())),
        "b",
    ),
    "a scheduled unit keeps away another one that conflicts with it": (
        (("s b", "launched", ()), ("s c", "launched", ("Conflicts=b*",))),
        "b",
    ),
}


@pytest.mark.parametrize(("rows", "names"), CASES.values(), ids=CASES.keys())
def test_table(rows: tuple[Row, ...], names: str) -> None:
    found = " ".join(sorted(name.removesuffix(".service") for name in wish(*rows).wanted))
    assert found == names


def test_a_global_unit_runs_where_its_metadata_fit() -> None:
    row = ("g a", "launched", ("MachineMetadata=disk=ssd",))
    assert set(wish(row, machine=Machine("m1", metadata={"disk": "ssd"})).wanted) == {"a.service"}


def test_what_does_not_run_here_says_why() -> None:
    a: Row = ("g a", "launched", ("MachineMetadata=disk=ssd",))
    b: Row = ("g b", "launched", ())
    c: Row = ("s c", "launched", ("Conflicts=b*",))
    assert wish(a, b, c).objections == {
        "a.service": "local Machine metadata insufficient",
        "c.service": "found conflict with locally-scheduled Unit([b.service])",
    }


def test_the_wish_carries_content_and_state() -> None:
    want = wish(("s a", "loaded", ())).wanted["a.service"]
    assert (want.hash, want.state) == (unit_file().hash, TargetState.LOADED)


def test_an_entry_left_over_from_before_a_unit_was_global_is_ignored() -> None:
    rows = (("s a", "launched", ()), ("g a", "loaded", ()))
    assert wish(*rows).wanted["a.service"].state is TargetState.LOADED


def test_without_a_record_of_this_machine_nothing_is_known() -> None:
    assert desired(picture(("s a", "launched", ())), "m2", {}, {}) is None


def test_a_global_unit_whose_content_is_not_known_is_left_as_it_is() -> None:
    made = wish(("g a", "launched", ()), known=False)
    assert (made.wanted, made.unclear) == ({}, frozenset({"a.service"}))


def test_a_scheduled_unit_is_wanted_before_its_content_is_known() -> None:
    assert set(wish(("s a", "launched", ()), known=False).wanted) == {"a.service"}


def test_a_unit_whose_record_cannot_be_read_is_left_as_it_is() -> None:
    made = desired(picture(broken=["schedule/m1/a.service"]), "m1", {}, {})
    assert made is not None
    assert made.unclear == {"a.service"}


async def test_contents_are_read_once_each_and_only_of_what_may_run_here() -> None:
    read: list[str] = []

    async def unit_file_of(hash: str) -> UnitFile | None:
        read.append(hash)
        return {file.hash: file for file in (unit_file(), unit_file("Conflicts=x"))}.get(hash)

    requirements = KnownRequirements(unit_file_of)
    there = picture(
        ("s a", "launched", ()), ("m2 b", "launched", ("Conflicts=x",)), ("s c", "launched", ("Z=1",))
    )
    found = await requirements.of(candidates(there, "m1"))
    assert set(found) == {"a.service"}
    assert read == [unit_file().hash, unit_file("Z=1").hash]
    await requirements.of(candidates(there, "m1"))
    assert read[2:] == [unit_file("Z=1").hash], "what was not there is looked for again"


async def test_a_unit_with_new_content_asks_for_what_that_says() -> None:
    async def unit_file_of(hash: str) -> UnitFile | None:
        return {file.hash: file for file in (unit_file(), unit_file("Conflicts=x"))}[hash]

    requirements = KnownRequirements(unit_file_of)
    before = await requirements.of(candidates(picture(("s a", "launched", ())), "m1"))
    after = await requirements.of(candidates(picture(("s a", "launched", ("Conflicts=x",))), "m1"))
    assert (before["a.service"].conflicts, after["a.service"].conflicts) == ((), ("x",))
