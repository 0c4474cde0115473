"""The manual pages, made of what --help says: `python -m fleetctl.manual DIRECTORY`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from fleetctl.cli import Fleetctl
from fleetctl.command import FleetCommand
from fleetctl.flags import GLOBAL
from fleetctl.help import DESCRIPTION, ENVIRONMENT, EXIT_STATUS, FILES, SUMMARY, flag_words, version


def pages() -> dict[str, str]:
    """The name of each page's file, and its text."""
    root = Fleetctl()
    context = click.Context(root)
    found = {"fleetctl.1": _main_page(root, context)}
    for name in root.list_commands(context):
        command = root.get_command(context, name)
        if isinstance(command, FleetCommand):
            found[f"fleetctl-{name}.1"] = _page(command)
    return found


def _main_page(root: click.Group, context: click.Context) -> str:
    names = root.list_commands(context)
    commands = [(name, root.get_command(context, name)) for name in names]
    body = [
        *_head("fleetctl", SUMMARY),
        ".SH SYNOPSIS",
        ".B fleetctl",
        "[global flags] command [flags] [arguments]",
    ]
    body += [".SH DESCRIPTION", *_literal(DESCRIPTION), ".SH COMMANDS"]
    for name, command in commands:
        body += [
            ".TP",
            f".BR fleetctl-{_escaped(name)} (1)",
            _escaped(command.short_help or "") if command else "",
        ]
    body += [*_flags("GLOBAL OPTIONS", GLOBAL), *_list("EXIT STATUS", EXIT_STATUS)]
    body += [*_list("ENVIRONMENT", [*_variables(), *ENVIRONMENT]), *_list("FILES", FILES)]
    body += [".SH SEE ALSO", ".BR systemctl (1),", ".BR systemd.unit (5),", ".BR ssh_config (5)"]
    return "\n".join(body) + "\n"


def _variables() -> Iterator[tuple[str, str]]:
    """The variables of the global flags; an older name of one stands beside it."""
    for option in sorted(GLOBAL, key=lambda option: option.opts[0]):
        names = [option.envvar] if isinstance(option.envvar, str) else sorted(option.envvar or ())
        yield ", ".join(names), f"the same as {option.opts[0]}"


def _page(command: FleetCommand) -> str:
    body = [*_head(f"fleetctl-{command.name}", command.short_help or ""), ".SH SYNOPSIS"]
    body += [f".B fleetctl {_escaped(command.usage)}"]
    if command.help:
        body += [".SH DESCRIPTION", *_literal(command.help)]
    if command.example:
        body += [".SH EXAMPLES", *_literal(command.example)]
    body += [*_flags("OPTIONS", command.own_flags), *_list("EXIT STATUS", EXIT_STATUS)]
    body += [".SH SEE ALSO", ".BR fleetctl (1)", "for the global options"]
    return "\n".join(body) + "\n"


def _head(name: str, summary: str) -> list[str]:
    title = f'.TH {name.upper()} 1 {_today()} "fleet {version()}" "fleet"'
    return [title, ".SH NAME", f"{_escaped(name)} \\- {_escaped(summary)}"]


def _today() -> str:
    """The date of the pages: that of the build, where it can be repeated (reproducible-builds.org)."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    moment = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    return f"{moment:%Y-%m-%d}"


def _flags(title: str, flags: Sequence[click.Option]) -> Iterator[str]:
    if flags:
        yield f".SH {title}"
    for words, text in flag_words(flags):
        yield from (".TP", f".B {_escaped(words)}", _escaped(text))


def _list(title: str, items: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f".SH {title}"
    for name, meaning in items:
        yield from (".TP", f".B {_escaped(name)}", _escaped(meaning))


def _literal(text: str) -> list[str]:
    return [".nf", *(_escaped(line) for line in text.splitlines()), ".fi"]


def _escaped(text: str) -> str:
    """Text that means nothing to the formatter."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text[:1] in (".", "'") else text


def write(directory: Path) -> None:
    """Write all pages."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (directory / name).write_text(text)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
