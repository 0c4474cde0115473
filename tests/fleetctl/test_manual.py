"""The manual pages: all commands, all flags, an example for each; the formatter takes them without a word."""

import shutil
import subprocess
from pathlib import Path

import click
import pytest

from fleetctl.cli import Fleetctl
from fleetctl.command import FleetCommand
from fleetctl.flags import GLOBAL
from fleetctl.help import ENVIRONMENT, FILES
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


def test_the_main_page_has_every_variable_and_file() -> None:
    page = pages()["fleetctl.1"]
    variables = {
        name
        for flag in GLOBAL
        for name in ([flag.envvar] if isinstance(flag.envvar, str) else flag.envvar or ())
    }
    for name in (*variables, *(name for name, _ in (*ENVIRONMENT, *FILES))):
        assert name.replace("-", "\\-") in page


def test_the_date_of_the_pages_can_be_fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert ' 1 1970-01-02 "fleet' in pages()["fleetctl.1"]


FORMATTERS = {
    "groff": ["groff", "-man", "-Tutf8", "-ww"],
    "mandoc": ["mandoc", "-T", "lint", "-W", "warning"],
}


@pytest.mark.parametrize("formatter", FORMATTERS)
def test_formatters_take_the_pages_without_a_word(formatter: str, tmp_path: Path) -> None:
    if shutil.which(formatter) is None:
        pytest.skip(f"{formatter} is not installed")
    write(tmp_path)
    for page in sorted(tmp_path.iterdir()):
        line = [*FORMATTERS[formatter], str(page)]
        done = subprocess.run(line, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        if formatter == "mandoc":
            assert done.stdout == ""
        else:
            assert "for the global options" in done.stdout or page.name == "fleetctl.1"
