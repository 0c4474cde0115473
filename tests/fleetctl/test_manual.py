"""The manual pages: all commands, all flags, an example for each; the formatter takes them without a word."""

import shutil
import subprocess
from pathlib import Path

import click
import pytest

from fleetctl.cli import Fleetctl
from fleetctl.command import FleetCommand
from fleetctl.manual import pages, write

ROOT = Fleetctl()
NAMES = ROOT.list_commands(click.Context(ROOT))


@pytest.mark.parametrize("name", NAMES)
def test_each_command_has_a_page_with_its_flags_and_an_example(name: str) -> None:
    command = ROOT.get_command(click.Context(ROOT), name)
    assert isinstance(command, FleetCommand)
    assert command.example, "every command shows an example"
    page = pages()[f"fleetctl-{name}.1"]
    assert ".SH EXAMPLES" in page
    for flag in command.own_flags:
        assert flag.opts[0].replace("-", "\\-") in page


def test_pages_are_well_formed(tmp_path: Path) -> None:
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    write(tmp_path)
    for page in sorted(tmp_path.iterdir()):
        done = subprocess.run(
            ["groff", "-man", "-Tutf8", "-ww", page], capture_output=True, text=True, check=True
        )
        assert done.stderr == ""
        assert "for the global options" in done.stdout or page.name == "fleetctl.1"
