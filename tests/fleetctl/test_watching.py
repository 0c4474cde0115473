"""What people see who watch: lists that follow the cluster, progress at a terminal, colours."""

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from fleetctl import colours
from fleetctl.entities import LAUNCHED, State, Unit
from fleetctl.progress import cut, stage
from fleetctl.tables import aligned
from fleetctl.verdict import WAIT, End, Goal, Verdict
from tests.fleetctl.conftest import FLEETCTL, SIMPLE, Shell
from tests.fleetctl.small_cluster import M1

HERE = "1.../ip"
UNIT = Unit("a.service", desired=LAUNCHED, machine=M1)
STAGES = {
    "no machine yet": (Goal.ACTIVE, Unit("a.service"), [], WAIT, "waits for a machine"),
    "nobody takes it": (Goal.ACTIVE, Unit("a"), [], Verdict(End.NO_PLACE, 0, "no memory"), "no memory"),
    "placed": (Goal.ACTIVE, UNIT, [], WAIT, "on 1.../ip: on its way"),
    "systemd starts it": (
        Goal.ACTIVE,
        UNIT,
        [State("a.service", M1, active="activating", sub="start-pre")],
        WAIT,
        "on 1.../ip: activating (start-pre)",
    ),
    "destroyed, still stopping": (
        Goal.GONE,
        None,
        [State("a.service", M1, active="deactivating")],
        WAIT,
        "is out of the registry, deactivating",
    ),
}


@pytest.mark.parametrize(("goal", "unit", "states", "said", "shown"), STAGES.values(), ids=STAGES)
def test_progress_says_where_a_unit_is_and_what_systemd_does(
    goal: Goal, unit: Unit | None, states: list[State], said: Verdict, shown: str
) -> None:
    assert stage(goal, unit, states, said, HERE) == shown


def test_progress_fits_the_terminal() -> None:
    assert cut(["abcdef", "b"], 5, 10) == ["abcd", "b"]
    assert cut(["a", "b", "c", "d"], 80, 5) == ["a", "b", "... and 2 more"]


def test_colours_take_no_room() -> None:
    rows = [["UNIT", "ACTIVE", "SUB"], ["a", "failed", "odd"]]
    paint = colours.painter(["unit", "active", "sub"])
    assert aligned(rows, paint) == ["UNIT\tACTIVE\tSUB", "a\t\x1b[31mfailed\x1b[0m\todd"]


class Terminal:
    """A command at a terminal of its own, and all that it has shown."""

    def __init__(self, shell: Shell, *words: str, **env: str) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [FLEETCTL, *words],
            cwd=shell.directory,
            env={**shell.env, "TERM": "xterm", **env},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self.shown = ""

    def until(self, text: str) -> str:
        """Read until that is shown; returns all that has been shown."""
        while text not in self.shown:
            self.shown += os.read(self._ours, 4096).decode()
        return self.shown

    def end(self) -> str:
        """Read to the end."""
        try:
            while data := os.read(self._ours, 4096):
                self.shown += data.decode()
        except OSError:  # the other side is closed
            pass
        self.process.wait(10)
        os.close(self._ours)
        return self.shown


def test_a_terminal_sees_progress_and_a_summary(fleetctl: Shell) -> None:
    fleetctl.file("a.service", SIMPLE + "[Play]\nStart=activating/start-pre@0.4 active/running\n")
    shown = Terminal(fleetctl, "start", "a").end()
    assert "a.service on 11111111.../198.18.0.1: activating (start-pre)\r\n" in shown
    assert "\x1b[1A\x1b[J" in shown
    assert "Unit a.service launched on 11111111.../198.18.0.1\r\n" in shown
    assert "1 of 1 units launched, after 0." in shown


def test_a_terminal_sees_colours_unless_it_is_told_not_to(fleetctl: Shell) -> None:
    fleetctl.file("a.service")
    fleetctl("start", "a")
    green = "\x1b[32mactive\x1b[0m"
    assert green in Terminal(fleetctl, "list-units").end()
    assert green not in Terminal(fleetctl, "list-units", NO_COLOR="1").end()
    assert green not in Terminal(fleetctl, "list-units", "--color=never").end()
    assert green in fleetctl("list-units", "--color=always").out


def test_a_terminal_is_told_of_units_without_a_place(fleetctl: Shell) -> None:
    fleetctl.file("lost.service", SIMPLE + "[Play]\nMachine=none\n[X-Fleet]\nMachineMetadata=a=b\n")
    fleetctl("start", "--no-block", "lost")
    shown = Terminal(fleetctl, "list-units").end()
    assert "lost.service waits for a place: no engine has placed it yet; 0 of 2 machines could" in shown
    assert fleetctl("list-units").err == ""


def test_a_terminal_is_told_what_scripts_do_not_expect(fleetctl: Shell) -> None:
    fleetctl.file("lost.service", SIMPLE + "[Play]\nMachine=none\n")
    shown = Terminal(fleetctl, "start", "--no-block", "lost").end()
    assert shown.count("Triggered unit lost.service start") == 1
    shown = Terminal(fleetctl, "stop", "lots").end()
    assert shown.startswith("Unit lots.service not found in registry (did you mean lost.service?)\r\n")
    shown = Terminal(fleetctl, "--endpoint=foo", "version").end()
    assert shown.startswith("Unable to initialize client: URL scheme undefined (an endpoint is unix:///PATH")
    assert fleetctl("--endpoint=foo", "version").err == "Unable to initialize client: URL scheme undefined\n"


def test_a_watched_list_is_shown_again_when_it_changes(fleetctl: Shell, tmp_path: Path) -> None:
    fleetctl.file("a.service")
    with fleetctl.popen("list-units", "-w", "-o", "json") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == []
        fleetctl("start", "a")
        shown = json.loads(process.stdout.readline())
        process.kill()
    assert [one["unit"] for one in shown] == ["a.service"]
