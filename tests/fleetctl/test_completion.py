"""Completion: what the scripts for the shells ask."""

import pytest

from fleetctl.completion import Wanted, wanted
from tests.fleetctl.conftest import Shell
from tests.fleetctl.small_cluster import M1, M2

NEXT = {
    "": Wanted(kinds=("commands",)),
    "stop ": Wanted(kinds=("units",)),
    "stop a ": Wanted(kinds=("units",)),
    "--endpoint x stop ": Wanted(kinds=("units",)),
    "ssh ": Wanted(kinds=("units", "machines")),
    "ssh --machine ": Wanted(kinds=("machines",)),
    "list-units --machine=1": Wanted(kinds=("machines",)),
    "list-units -o ": Wanted(("json", "yaml", "wide", "name")),
    "list-units --color=": Wanted(("--color=auto", "--color=always", "--color=never")),
    "plan ": Wanted(("add", "lose", "start", "stop")),
    "plan lose ": Wanted(kinds=("machines",)),
    "--context ": Wanted(kinds=("contexts",)),
    "nope ": Wanted(),
    "verify ": Wanted(kinds=("unit files",)),
    "start ": Wanted(kinds=("units", "unit files")),
    "plan start ": Wanted(kinds=("units", "unit files")),
    "restore ": Wanted(kinds=("files",)),
    "--key-file ": Wanted(kinds=("files",)),
}


@pytest.mark.parametrize(("line", "may"), NEXT.items(), ids=[line or "nothing" for line in NEXT])
def test_what_may_stand_next(line: str, may: Wanted) -> None:
    assert wanted(line.split(" ")) == may


def test_names_come_from_the_cluster(fleetctl: Shell) -> None:
    fleetctl.file("web@.service")
    fleetctl("submit", "web@", "web@1")
    assert fleetctl("__complete", "stop", "we").out == "web@.service\nweb@1.service\n"
    assert fleetctl("__complete", "ssh", "--machine=2").out == f"--machine={M2}\n"
    assert fleetctl("__complete", "plan", "lose", "1").out == f"{M1}\n"
    assert fleetctl("__complete", "list-m").out == "list-machines\n"
    assert "--no-block" in fleetctl("__complete", "start", "--no").out


def test_a_cluster_that_is_not_there_completes_nothing(alone: Shell) -> None:
    ran = alone("__complete", "--endpoint", "http://127.0.0.1:1", "stop", "")
    assert (ran.out, ran.err, ran.status) == ("", "", 0)


def test_unit_files_are_offered_where_they_are_read(fleetctl: Shell) -> None:
    for name in ("web.service", "units/web@.service", "units/notes.txt", ".hidden.service"):
        fleetctl.file(name)
    assert fleetctl("__complete", "start", "").out == "units/\nweb.service\n"
    assert fleetctl("__complete", "submit", "units/").out == "units/web@.service\n"
    assert fleetctl("__complete", "restore", "units/n").out == "units/notes.txt\n"
    assert fleetctl("__complete", "--ca-file=units/n").out == "--ca-file=units/notes.txt\n"
    assert fleetctl("__complete", "start", "nowhere/").out == ""


def test_scripts_are_printed_for_known_shells_only(alone: Shell) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "fleetctl __complete" in alone("completion", shell).out
    assert alone("completion", "tcsh").status == 64
