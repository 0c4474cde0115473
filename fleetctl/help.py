"""The help texts, in the layout of fleet 1.0 (scripts look for the version in it), and what typos mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from fleetctl.flags import GLOBAL, Kind
from fleetctl.tables import aligned

if TYPE_CHECKING:
    from fleetctl.command import FleetCommand

SUMMARY = "run systemd units on a cluster of hosts as if it were one"
DESCRIPTION = """\
fleet turns many hosts, each run by its own systemd, into one init system.

To see what is running on your cluster:
\tfleetctl list-units
To run a unit somewhere in the cluster:
\tfleetctl start hello.service
To reach a cluster from elsewhere:
\tfleetctl --tunnel host.example list-machines

Every global flag can be given as a variable, too: --tunnel as FLEETCTL_TUNNEL."""
ENVIRONMENT = (
    ("SSH_AUTH_SOCK", "the ssh-agent's socket, unless IdentityAgent in ~/.ssh/config names another"),
    ("NO_COLOR", "if it is not empty, nothing is coloured unless --color asks for it"),
    ("TMPDIR", "where --driver=etcd with --tunnel has its sockets while a command runs (/tmp)"),
)
"""Variables beside those of the global flags."""
FILES = (
    ("/var/run/fleet.sock", "fleetd's API on this host, which is asked by default"),
    ("~/.fleetctl/contexts.json", "what fleetctl context has kept"),
    ("~/.fleetctl/known_hosts", "the keys of SSH hosts, in OpenSSH's form"),
    ("~/.ssh/config", "how SSH hosts are reached: ssh_config(5)"),
    ("/etc/machine-id", "the machine's ID: units of this very host are looked at without SSH"),
)
EXIT_STATUS = (
    ("0", "it is done"),
    ("1", "something failed; the message says what"),
    ("2", "a unit cannot be placed, or would not be (start, load, why, plan); or differs (diff)"),
    ("3", "status: a unit is not active"),
    ("4", "status: there is no such unit"),
    ("64", "the command line cannot be understood"),
    ("124", "there was not enough time: the attempts of --block-attempts are used up"),
    ("130", "interrupted; what has been asked of the cluster goes on"),
    ("other", "ssh, status, journal: the exit status of the command there; 255 if the connection failed"),
)
_HIDDEN_IN_SHORT_HELP = ("help",)


def version() -> str:
    """The version of this fleetctl."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("fleet")
    except PackageNotFoundError:
        return "0.0.0"


def main_help(root: click.Group) -> str:
    """The help of fleetctl as a whole."""
    rows = [("", name, summary) for name, summary in _summaries(root)]
    return _sections(
        ("NAME", [f"\tfleetctl - {SUMMARY}"]),
        ("USAGE", ["\tfleetctl"]),
        ("VERSION", [f"\t{version()}"]),
        ("COMMANDS", aligned(rows)),
        ("DESCRIPTION", [f"\t{line}" for line in DESCRIPTION.splitlines()]),
        ("EXIT STATUS", [f"\t{status:6} {meaning}" for status, meaning in EXIT_STATUS]),
        ("OPTIONS", flag_lines(GLOBAL)),
    )


def command_help(command: FleetCommand) -> str:
    """The help of one command."""
    return _sections(
        ("NAME", [f"\t{command.name} - {command.short_help}"]),
        ("USAGE", [f"\tfleetctl {command.usage}"]),
        ("DESCRIPTION", [f"\t{line}" for line in (command.help or "").splitlines()]),
        ("EXAMPLES", [f"\t{line}" for line in command.example.splitlines()]),
        ("OPTIONS", flag_lines(command.own_flags)),
        ("GLOBAL OPTIONS", flag_lines(GLOBAL)),
    )


def short_help(root: click.Group) -> str:
    """What fleetctl says when it is called with nothing at all."""
    summaries = [row for row in _summaries(root) if row[0] not in _HIDDEN_IN_SHORT_HELP]
    widest = max(len(name) for name, _ in summaries)
    return "\n".join(
        [
            f"fleetctl: {SUMMARY}",
            "",
            "Usage:",
            "  fleetctl [flags]",
            "  fleetctl [command]",
            "",
            "Available Commands:",
            *(f"  {name:{widest}} {summary}" for name, summary in summaries),
            "",
            "Flags:",
            *flag_lines(GLOBAL),
            "",
            'Use "fleetctl [command] --help" for more information about a command.',
            "",
        ]
    )


def _summaries(root: click.Group) -> list[tuple[str, str]]:
    context = click.Context(root)
    found = ((name, root.get_command(context, name)) for name in root.list_commands(context))
    return [(name, command.short_help or "") for name, command in found if command is not None]


def _sections(*sections: tuple[str, Sequence[str]]) -> str:
    return "".join(
        f"{heading}:\n" + "".join(f"{line}\n" for line in body) + "\n" for heading, body in sections if body
    )


def flag_lines(flags: Iterable[click.Option]) -> list[str]:
    """One line for each flag, sorted by name, descriptions in one column."""
    named = [(*name.rpartition("--"), text) for name, text in flag_words(flags)]
    widest = max((len(name) for _, _, name, _ in named), default=0)
    return [f"{short:>6}--{name:{widest}}   {text}" for short, _, name, text in named]


def flag_words(flags: Iterable[click.Option]) -> list[tuple[str, str]]:
    """How each flag is written, and what it does, sorted by name."""
    flags = sorted(flags, key=lambda option: option.opts[0])
    return [(_named(option), (option.help or "") + _default(option)) for option in flags]


def _named(option: click.Option) -> str:
    kind = option.type.shown() if isinstance(option.type, Kind) else option.type.name
    name = ", ".join([*(f"-{o[1:]}" for o in option.opts if not o.startswith("--")), option.opts[0]])
    return f"{name} {kind}".rstrip()


def _default(option: click.Option) -> str:
    match option.default:
        case None | False | 0 | "":
            return ""
        case bool(value):
            return f" (default {str(value).lower()})"
        case str(value):
            return f' (default "{value}")'
        case float(value):
            return f" (default {value:g})"
        case value:
            return f" (default {value})"


def suggestions(word: str, names: Iterable[str]) -> list[str]:
    """The commands that a wrong word may have meant."""
    word = word.lower()
    names = sorted(name for name in names if name not in _HIDDEN_IN_SHORT_HELP)
    return [name for name in names if name.startswith(word) or _distance(word, name) <= 2]


def nearest(word: str, names: Iterable[str]) -> str:
    """The name that a wrong word may have meant, in words: empty where none is near."""
    distance, name = min(((_distance(word, name), name) for name in names), default=(3, ""))
    return f" (did you mean {name}?)" if distance <= 2 and len(word) > 4 else ""


def _distance(a: str, b: str) -> int:
    """How many letters must be added, dropped or changed to make one word of the other."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        above, row = row, [i]
        for j, y in enumerate(b, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (x != y)))
    return row[-1]
