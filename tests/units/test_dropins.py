"""Drop-ins among the options of a unit."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from units.dropins import drop_ins, in_effect, name_objection, with_drop_ins
from units.file import InvalidUnitFile, Option, UnitFile, content_hash, parse_options, serialize
from units.requirements import Requirements

UNIT = UnitFile.from_text("[Service]\nExecStart=/bin/x\n")


def carrying(unit: UnitFile = UNIT, /, **texts: str) -> UnitFile:
    """The unit with these drop-ins; `a_b` stands for `a-b.conf`."""
    named = {f"{name.replace('_', '-')}.conf": text for name, text in texts.items()}
    return unit.with_drop_ins({name: parse_options(text) for name, text in named.items()})


def test_a_drop_in_becomes_a_section_for_each_of_its_own() -> None:
    file = carrying(a="# why\n[Service]\nMemoryMax=50M\nEnvironment=A=b\n[Unit]\nAfter=x.service\n")
    assert file.text == (
        "[Service]\nExecStart=/bin/x\n\n"
        "[X-DropIn a.conf/Service]\nMemoryMax=50M\nEnvironment=A=b\n\n"
        "[X-DropIn a.conf/Unit]\nAfter=x.service\n"
    )
    assert file.drop_ins == {
        "a.conf": "[Service]\nMemoryMax=50M\nEnvironment=A=b\n\n[Unit]\nAfter=x.service\n"
    }
    assert file.hash == content_hash(file.text)


def test_a_unit_without_drop_ins_is_the_very_same() -> None:
    assert UNIT.with_drop_ins({}) is UNIT
    assert UNIT.drop_ins == {}


def test_drop_ins_stand_in_the_order_in_which_systemd_reads_them() -> None:
    names = ["20.conf", "100.conf", "Z.conf", "a.conf", "ü.conf"]
    file = UNIT.with_drop_ins({name: parse_options("[S]\nA=b\n") for name in names})
    assert list(file.drop_ins) == ["100.conf", "20.conf", "Z.conf", "a.conf", "ü.conf"]
    assert [line[10:-3] for line in file.text.splitlines() if "X-DropIn" in line] == list(file.drop_ins)


def test_one_that_comes_later_stands_where_its_name_belongs() -> None:
    both = carrying(b="[S]\nB=1\n", a="[S]\nA=1\n")
    assert carrying(carrying(b="[S]\nB=1\n"), a="[S]\nA=1\n").hash == both.hash


def test_of_two_that_tell_the_cluster_different_things_the_later_by_name_counts() -> None:
    file = carrying(b="[X-Fleet]\nMachineID=b\n", a="[X-Fleet]\nMachineID=a\n")
    assert Requirements.of("a.service", file.options).machine_id == "b"


def test_what_drop_ins_say_counts_after_what_the_unit_says() -> None:
    unit = UnitFile.from_text("[Unit]\nAfter=a.service\n")
    file = carrying(unit, b="[Unit]\nAfter=c.service\n", a="[Unit]\nAfter=\nAfter=b.service\n")
    assert file.section_values("Unit", "After") == ("a.service", "", "b.service", "c.service")
    assert unit.section_values("Unit", "After") == ("a.service",)


def test_a_later_drop_in_of_the_same_name_replaces_the_first() -> None:
    file = carrying(carrying(a="[Service]\nA=1\n", b="[Service]\nB=1\n"), a="[Service]\nA=2\n")
    assert file.drop_ins == {"a.conf": "[Service]\nA=2\n", "b.conf": "[Service]\nB=1\n"}
    assert carrying(file, a="").drop_ins == {"b.conf": "[Service]\nB=1\n"}


FLEET = {
    "is added to the unit's": ("Conflicts=a", "Conflicts=b", "Conflicts=a\nConflicts=b"),
    "makes a section where there is none": ("", "Global=true", "Global=true"),
    "of which the last counts, counts": ("Global=true", "Global=false", "Global=true\nGlobal=false"),
    "replaces the machine": (
        "X-ConditionMachineID=a\nConflicts=c",
        "MachineID=b",
        "Conflicts=c\nMachineID=b",
    ),
    "takes back what was said": ("X-Conflicts=a\nMachineOf=m", "Conflicts=", "MachineOf=m"),
    "takes back and says anew": ("MachineOf=m", "MachineOf=\nMachineOf=n", "MachineOf=n"),
    "takes back only itself": ("Foo=1\nBar=1", "Foo=", "Bar=1"),
}


@pytest.mark.parametrize(("before", "said", "after"), FLEET.values(), ids=FLEET)
def test_what_a_drop_in_says_to_the_cluster(before: str, said: str, after: str) -> None:
    unit = UnitFile.from_text(f"{UNIT.text}\n[X-Fleet]\n{before}\n")
    file = carrying(unit, a=f"[X-Fleet]\n{said}\n")
    assert file.text == f"{UNIT.text}\n[X-Fleet]\n{after}\n"
    assert file.drop_ins == {}


def test_what_enables_a_unit_stands_in_the_unit_itself() -> None:
    file = carrying(a="[Install]\nWantedBy=x.target\n[Service]\nA=b\n")
    assert file.has_install
    assert file.drop_ins == {"a.conf": "[Service]\nA=b\n"}


def test_requirements_know_of_drop_ins() -> None:
    assert Requirements.of("a.service", carrying(a="[Service]\nA=b\n").options).has_drop_ins
    assert not Requirements.of("a.service", carrying(a="[X-Fleet]\nGlobal=true\n").options).has_drop_ins


BAD_NAMES = {
    "10.txt": "must end in .conf",
    "conf": "must end in .conf",
    ".hidden.conf": "begin with a dot",
    "../up.conf": "begin with a dot",
    "a/../../b.conf": 'must not hold "/"',
    "a]b.conf": 'must not hold "/", "]"',
    "a\nb.conf": "cannot be printed",
    "a\udcffb.conf": "cannot be printed",
    "x" * 251 + ".conf": "longer than 255 bytes",
    "ü" * 126 + ".conf": "longer than 255 bytes",
}


@pytest.mark.parametrize(("name", "said"), BAD_NAMES.items())
def test_a_name_that_no_drop_in_may_have_is_refused(name: str, said: str) -> None:
    assert said in (name_objection(name) or "")
    with pytest.raises(InvalidUnitFile, match="drop-in"):
        UNIT.with_drop_ins({name: parse_options("[S]\nA=b\n")})


@pytest.mark.parametrize("name", ["a.conf", "10 with blanks.conf", "ü.conf", "a[b.conf", "x" * 250 + ".conf"])
def test_other_names_go_through_and_back(name: str) -> None:
    file = UNIT.with_drop_ins({name: parse_options("[S]\nA=b\n")})
    assert UnitFile.from_text(file.text).drop_ins == {name: "[S]\nA=b\n"}


BAD_SECTIONS = {
    "X-DropIn": "it must be called [X-DropIn NAME.conf/SECTION]",
    "X-DropIn a.conf": "it must be called [X-DropIn NAME.conf/SECTION]",
    "X-DropIn a/Service": "must end in .conf",
    "X-DropIn ../a.conf/Service": "must end in .conf",
    "X-DropIn .a.conf/Service": "must not begin with a dot",
    "X-DropIn /etc/a.conf/Service": "must end in .conf",
    "X-DropIn a.conf/X-Fleet": "[X-Fleet] of a drop-in belongs into that of its unit",
    "X-DropIn a.conf/Install": "[Install] of a drop-in belongs into that of its unit",
    "X-DropIn a.conf/X-DropIn b.conf/Service": "a drop-in has no drop-ins",
}


@pytest.mark.parametrize(("section", "said"), BAD_SECTIONS.items())
def test_a_section_that_looks_like_a_drop_in_and_is_none_is_refused(section: str, said: str) -> None:
    options = [Option(section, "A", "b")]
    for read in (UnitFile.from_options, lambda made: UnitFile.from_text(serialize(made))):
        with pytest.raises(InvalidUnitFile) as refused:
            read(options)
        assert said in str(refused.value)
    assert UnitFile.from_stored(serialize(options)).options == tuple(options)


@pytest.mark.parametrize("section", ["X-DropInMine", "X-Mine", "x-dropin a"])
def test_other_sections_of_systemds_users_are_theirs(section: str) -> None:
    options = (Option(section, "A", "b"),)
    assert UnitFile.from_options(options).options == options
    assert drop_ins(options) == {}


def test_a_value_that_would_swallow_what_follows_is_refused() -> None:
    with pytest.raises(InvalidUnitFile, match="ends in a backslash"):
        carrying(UnitFile.from_text("[X-Fleet]\nConflicts=a\\"), a="[X-Fleet]\nConflicts=b\n")


words = st.text("abX=#; ü", max_size=5).map(str.strip)
sections = st.sampled_from(["Service", "Unit", "S/T", "X-Other", ""])
options = st.lists(st.builds(Option, sections, st.text("abc", max_size=3), words), max_size=5)
names = (
    st.text("ab1[ -.ü", max_size=5)
    .map(lambda stem: f"{stem}.conf")
    .filter(lambda name: name_objection(name) is None)
)


@settings(max_examples=200)
@given(options.map(tuple), st.dictionaries(names, options, max_size=4))
def test_drop_ins_come_out_as_they_went_in(own: tuple[Option, ...], carried: dict[str, list[Option]]) -> None:
    file = UnitFile.from_options(with_drop_ins(own, carried))
    again = UnitFile.from_stored(file.text)
    assert again.drop_ins == {name: serialize(carried[name]) for name in sorted(carried) if carried[name]}
    assert again.with_drop_ins(carried).hash == file.hash
    told = sorted(own, key=repr)
    assert sorted(list(in_effect(again.options))[: len(own)], key=repr) == told
