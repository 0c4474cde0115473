"""What reaches journald: one entry for each line, and what it is about in fields."""

import logging
import os
import socket
import struct
from pathlib import Path

import pytest

from fleetd.journal import JournalHandler, entry, is_listening

MACHINE = "0123456789abcdef0123456789abcdef"


def record(message: str, *words: object, level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord("engine.apply", level, "/x/apply.py", 7, message, words, None, "apply")


def fields(datagram: bytes) -> list[tuple[str, str]]:
    """Reads the datagram as journald does."""
    found = []
    while datagram:
        line, _, datagram = datagram.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            (length,) = struct.unpack("<Q", datagram[:8])
            value, datagram = datagram[8 : 8 + length], datagram[8 + length + 1 :]
        found.append((name.decode(), value.decode()))
    return found


def test_a_line_names_its_unit_and_its_machine() -> None:
    said = record("Scheduled Unit(%s) to Machine(%s): offered", "web@1.service", MACHINE)
    found = fields(entry(said, "INFO apply.py:7: " + said.getMessage()))
    assert found[0] == (
        "MESSAGE",
        f"INFO apply.py:7: Scheduled Unit(web@1.service) to Machine({MACHINE}): offered",
    )
    assert {("PRIORITY", "6"), ("SYSLOG_IDENTIFIER", "fleetd"), ("LOGGER", "engine.apply")} <= set(found)
    assert {("UNIT", "web@1.service"), ("MACHINE_ID", MACHINE), ("CODE_LINE", "7")} <= set(found)


def test_a_line_about_many_units_has_them_all_once() -> None:
    found = fields(entry(record("left: a.service, b.socket, a.service"), "x"))
    assert [value for name, value in found if name == "UNIT"] == ["a.service", "b.socket"]


@pytest.mark.parametrize(
    ("level", "priority"), [(logging.CRITICAL, "2"), (logging.ERROR, "3"), (logging.WARNING, "4"), (10, "7")]
)
def test_levels(level: int, priority: str) -> None:
    assert dict(fields(entry(record("x", level=level), "x")))["PRIORITY"] == priority


def test_a_traceback_is_one_entry() -> None:
    assert fields(entry(record("x"), "ERROR x\nTraceback:\n  y"))[0] == (
        "MESSAGE",
        "ERROR x\nTraceback:\n  y",
    )


def test_lines_reach_the_socket_and_standard_error_when_nobody_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journald:
        journald.bind(str(tmp_path / "socket"))
        handler = JournalHandler(tmp_path / "socket")
        handler.emit(record("hello"))
        assert dict(fields(journald.recv(4096)))["MESSAGE"] == "hello"
    handler.emit(record("hello again"))
    assert capsys.readouterr().err == "hello again\n"
    handler.close()


def test_only_a_descriptor_that_leads_to_journald_makes_fields(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file:
        there = os.fstat(file.fileno())
        stream = f"{there.st_dev}:{there.st_ino}"
        assert is_listening({"JOURNAL_STREAM": stream}, file.fileno())
        assert not is_listening({"JOURNAL_STREAM": "1:2"}, file.fileno())
        assert not is_listening({}, file.fileno())
