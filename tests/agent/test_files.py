"""The unit files on disk, and the agent's memory beside them."""

import hashlib
from pathlib import Path

import pytest

from agent.atomic import UNFINISHED
from agent.errors import Unwritable
from agent.host import Remembered, Stage
from agent.memory import Memory
from agent.unitdir import UnitDirectory
from agent.verify import difference
from tests.builders import unit_file

FILE = unit_file()
OTHER = unit_file("Conflicts=x")


@pytest.fixture
def directory(tmp_path: Path) -> UnitDirectory:
    return UnitDirectory(tmp_path / "run" / "units", tmp_path / "systemd")


def test_a_directory_that_is_not_there_holds_nothing(directory: UnitDirectory) -> None:
    assert directory.read() == {}


def test_what_was_written_is_read_back_by_its_hash(directory: UnitDirectory) -> None:
    directory.write("a.service", FILE.text)
    directory.write("b.target", OTHER.text)
    assert directory.read() == {"a.service": FILE.hash, "b.target": OTHER.hash}
    assert directory.path_of("a.service").stat().st_mode & 0o777 == 0o644


def test_a_rewritten_file_is_noticed(directory: UnitDirectory) -> None:
    directory.write("a.service", FILE.text)
    assert directory.read() == {"a.service": FILE.hash}
    directory.write("a.service", OTHER.text)
    assert directory.read() == {"a.service": OTHER.hash}


def test_bytes_that_are_no_text_keep_their_hash(directory: UnitDirectory) -> None:
    text = b"[Service]\nX=\xff\xfe\n".decode("utf-8", "surrogateescape")
    directory.write("a.service", text)
    assert directory.path_of("a.service").read_bytes() == b"[Service]\nX=\xff\xfe\n"
    assert directory.read()["a.service"] == hashlib.sha1(b"[Service]\nX=\xff\xfe\n").hexdigest()


def test_what_is_no_unit_file_is_left_alone_and_said_once(
    directory: UnitDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    directory.write("a.service", FILE.text)
    directory.path_of("notes.txt").write_text("mine")
    directory.path_of("dir.service").mkdir()
    assert directory.read() == directory.read() == {"a.service": FILE.hash}
    assert len(caplog.messages) == 2


def test_what_an_agent_that_was_killed_left_half_written_does_not_count_and_is_cleared(
    directory: UnitDirectory,
) -> None:
    directory.write("a.service", FILE.text)
    directory.path_of(f"{UNFINISHED}1-2").write_text("[Serv")
    assert directory.read() == {"a.service": FILE.hash}
    directory.clear_unfinished()
    assert [path.name for path in directory.path.iterdir()] == ["a.service"]


def test_removing_is_done_once_it_is_gone(directory: UnitDirectory) -> None:
    directory.write("a.service", FILE.text)
    directory.remove("a.service")
    directory.remove("a.service")
    assert directory.read() == {}


def test_a_file_that_cannot_be_written_says_which_and_leaves_nothing(directory: UnitDirectory) -> None:
    directory.write("a.service", FILE.text)
    name = "x" * 300 + ".service"
    with pytest.raises(
        Unwritable, match=r"could not write .*x\.service: File name too long \(\d+ bytes free"
    ):
        directory.write(name, FILE.text)
    assert [path.name for path in directory.path.iterdir()] == ["a.service"]


def test_the_directory_is_made_with_its_parents(directory: UnitDirectory) -> None:
    directory.make()
    directory.make()
    assert directory.path.is_dir()
    assert directory.path.stat().st_mode & 0o777 == 0o755


def test_a_directory_that_cannot_be_made_says_which_and_why(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file where a directory should be")
    with pytest.raises(Unwritable, match=f"could not make {tmp_path}/run/units: Not a directory"):
        UnitDirectory(tmp_path / "run" / "units", tmp_path / "systemd").make()


def test_free_space_is_known_before_the_directory_is_there(directory: UnitDirectory) -> None:
    assert (directory.free() or 0) > 0


def test_a_restarted_agent_remembers(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory")
    memory.record("a.service", Remembered("1", Stage.LOADED))
    memory.record("a.service", Remembered("2", Stage.LAUNCHED))
    memory.record("b.service", Remembered("3", Stage.GONE))
    memory.forget(["b.service"])
    again = Memory(tmp_path / "memory")
    again.read()
    assert again.all() == memory.all() == {"a.service": Remembered("2", Stage.LAUNCHED)}


def test_a_record_that_cannot_be_read_is_not_remembered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.service").symlink_to("asleep:1")
    (tmp_path / "b.service").write_text("loaded")
    (tmp_path / "c.service").symlink_to("loaded:3")
    memory = Memory(tmp_path)
    memory.read()
    assert set(memory.all()) == {"c.service"}
    assert len(caplog.messages) == 2


def test_what_cannot_be_recorded_is_not_remembered(tmp_path: Path) -> None:
    (tmp_path / "memory").write_text("a file in the way")
    memory = Memory(tmp_path / "memory")
    with pytest.raises(Unwritable, match="could not record"):
        memory.record("a.service", Remembered("1", Stage.LOADED))
    assert memory.all() == {}


def test_a_memory_that_was_never_written_is_empty(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory")
    memory.read()
    assert memory.all() == {}


DIFFERENCES = {
    "masked": ("/dev/null", "it is masked by /dev/null (systemctl unmask a.service)"),
    "nowhere": ("", "systemd does not find UNITS/a.service (systemctl daemon-reload)"),
    "an older text": ("UNITS/a.service", "it is an older text of UNITS/a.service (systemctl daemon-reload)"),
    "from elsewhere": (
        "/etc/systemd/system/a.service",
        "it comes from /etc/systemd/system/a.service, which hides UNITS/a.service "
        "(remove that file, then systemctl daemon-reload)",
    ),
}


@pytest.mark.parametrize(("origin", "said"), DIFFERENCES.values(), ids=DIFFERENCES)
def test_what_systemd_has_in_place_of_fleets_file_is_said_with_the_way_out(
    tmp_path: Path, origin: str, said: str
) -> None:
    def here(text: str) -> str:
        return text.replace("UNITS", str(tmp_path))

    path = str(tmp_path / "a.service")
    error = difference("a.service", path, here(origin), is_masked=origin == "/dev/null")
    assert str(error) == f"what systemd has loaded as a.service is not what fleet wrote: {here(said)}"
