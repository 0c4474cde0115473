"""The drop-ins of units on disk, where systemd looks for them, beside those of others."""

from pathlib import Path

import pytest

from agent.errors import Unwritable
from agent.unitdir import TAMPERED, UnitDirectory
from units.file import UnitFile, parse_options

PLAIN = UnitFile.from_text("[Service]\nExecStart=/bin/x\n")
A = "a.service"


def carrying(**values: str) -> UnitFile:
    """A unit with drop-ins, each of which sets A to a value."""
    texts = {f"{name}.conf": f"[Service]\nEnvironment=A={value}\n" for name, value in values.items()}
    return PLAIN.with_drop_ins({name: parse_options(text) for name, text in texts.items()})


class Place:
    """fleet's directory and the one that systemd searches, in which an administrator is at work."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.search = root / "systemd"
        self.units = self.new_agent()

    def new_agent(self) -> UnitDirectory:
        return UnitDirectory(self.root / "units", self.search)

    def write(self, file: UnitFile) -> None:
        self.units.write(A, file.text)

    def found(self) -> dict[str, str]:
        """What systemd finds."""
        return {path.name: path.read_text() for path in sorted((self.search / f"{A}.d").glob("*"))}

    def own(self, name: str, text: str = "mine") -> Path:
        path = self.search / f"{A}.d" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def all(self) -> list[str]:
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_drop_ins_are_where_systemd_looks_and_the_unit_has_its_hash(place: Place) -> None:
    file = carrying(x="1", y="2")
    place.write(file)
    assert place.found() == file.drop_ins
    assert place.units.read() == place.new_agent().read() == {A: file.hash}
    assert place.units.drop_ins.links(A) == {str(place.search / f"{A}.d" / f"{n}.conf") for n in "xy"}


def test_they_leave_with_the_unit_and_nothing_stays(place: Place) -> None:
    place.write(carrying(x="1"))
    place.new_agent().remove(A)
    assert place.all() == ["systemd", "units"]


def test_a_unit_without_drop_ins_makes_no_directory(place: Place) -> None:
    place.write(PLAIN)
    assert place.all() == ["units", f"units/{A}"]


def test_new_content_takes_the_place_of_the_old_one(place: Place) -> None:
    place.write(carrying(x="1", y="1"))
    new = carrying(y="2", z="2")
    place.write(new)
    assert place.found() == new.drop_ins
    assert place.units.read() == {A: new.hash}
    place.write(PLAIN)
    assert place.all() == ["systemd", "units", f"units/{A}"]


TAMPERING = {
    "emptied": lambda path: path.write_text(""),
    "edited in place": lambda path: path.write_text(path.read_text().replace("1", "9")),
    "removed": Path.unlink,
    "replaced by a file": lambda path: (path.unlink(), path.write_text("[Service]\n")),
    "masked": lambda path: (path.unlink(), path.symlink_to("/dev/null")),
    "its file removed": lambda path: path.resolve().unlink(),
}


@pytest.mark.parametrize("tamper", TAMPERING.values(), ids=TAMPERING)
@pytest.mark.parametrize("restarted", [False, True])
def test_what_was_tampered_with_is_noticed_and_can_be_written_again(
    place: Place, tamper: object, restarted: bool
) -> None:
    file = carrying(x="1", y="1")
    place.write(file)
    assert place.units.read() == {A: file.hash}
    assert callable(tamper)
    tamper(place.search / f"{A}.d" / "x.conf")
    place.units = place.new_agent() if restarted else place.units
    assert place.units.read() == {A: TAMPERED}
    place.write(file)
    assert place.units.read() == {A: file.hash}
    assert place.found() == file.drop_ins
    place.units.remove(A)
    assert place.all() == ["systemd", "units"]


def test_what_an_administrator_has_put_there_stays(place: Place) -> None:
    mine = place.own("90-mine.conf")
    file = carrying(x="1")
    place.write(file)
    later = place.own("95-later.conf")
    assert place.units.read() == {A: file.hash}
    assert place.units.drop_ins.links(A) == {str(place.search / f"{A}.d/x.conf")}
    place.write(PLAIN)
    place.units.remove(A)
    assert (mine.read_text(), later.read_text()) == ("mine", "mine")
    assert place.all() == [
        "systemd",
        f"systemd/{A}.d",
        *(f"systemd/{A}.d/{p.name}" for p in (mine, later)),
        "units",
    ]


def test_a_file_of_an_administrator_is_not_replaced_by_one_of_the_same_name(place: Place) -> None:
    mine = place.own("x.conf")
    before = place.all()
    with pytest.raises(Unwritable, match=rf"could not write {mine}: a drop-in that is not fleet's is there"):
        place.write(carrying(w="1", x="1"))
    assert mine.read_text() == "mine"
    assert place.all() == [*before, "units"]


def test_what_cannot_be_written_whole_leaves_nothing(place: Place) -> None:
    name = "x" * 254 + ".service"  # the directory of drop-ins can be made by no file system
    with pytest.raises(Unwritable, match="File name too long"):
        place.units.write(name, carrying(x="1").text)
    assert place.all() == ["units"]
    (place.root / "units" / A).mkdir()
    with pytest.raises(Unwritable, match="Is a directory"):
        place.write(carrying(x="1"))
    assert place.all() == ["systemd", "units", f"units/{A}"]


def test_what_an_agent_that_was_killed_left_half_written_is_cleared(place: Place) -> None:
    place.write(carrying(x="1"))
    (place.root / "units" / f"{A}.d" / ".unfinished-1-2").write_text("[Serv")
    place.units.clear_unfinished()
    place.units.remove(A)
    assert place.all() == ["systemd", "units"]


def test_a_file_with_sections_that_are_no_drop_ins_writes_nothing_elsewhere(place: Place) -> None:
    text = "[X-DropIn ../../up.conf/Service]\nA=b\n\n[X-DropIn /etc/x.conf/S]\nA=b\n"
    place.units.write(A, text)
    assert place.all() == ["units", f"units/{A}"]
