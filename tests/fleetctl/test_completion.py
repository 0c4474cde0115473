"""Completion: what the scripts for the shells ask, and bash itself."""

import subprocess

import pytest

from fleetctl.completion import Wanted, wanted
from tests.fleetctl.conftest import FLEETCTL, Shell
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
    "verify ": Wanted(),
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


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("fleetctl sta", ["start", "status"]),
        ("fleetctl stop web@", ["1.service", "2.service"]),
        ("fleetctl list-units --col", ["--color"]),
        ("fleetctl list-units --color=a", ["always", "auto"]),
    ],
)
def test_bash_completes(fleetctl: Shell, line: str, found: list[str]) -> None:
    fleetctl.file("web@.service")
    fleetctl("submit", "web@1", "web@2")
    script = f"""
        source <(fleetctl completion bash)
        COMP_LINE={line!r} COMP_POINT={len(line)}
        _fleetctl
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    env = {**fleetctl.env, "PATH": f"{FLEETCTL.parent}:{fleetctl.env['PATH']}"}
    done = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.split() == found


def test_scripts_are_printed_for_known_shells_only(alone: Shell) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "fleetctl __complete" in alone("completion", shell).out
    assert alone("completion", "tcsh").status == 64
