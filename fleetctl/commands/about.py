"""fleetctl itself: help, version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from fleetctl.command import FleetCommand, command, words
from fleetctl.output import Stop, say
from fleetctl.session import Session


class _HelpCommand(FleetCommand):
    """Needs no cluster, so no session is opened."""

    def invoke(self, ctx: click.Context) -> Any:
        """Show the help of the command that is named."""
        from fleetctl.cli import Fleetctl, resolved
        from fleetctl.help import command_help, main_help

        topic = ctx.params["topic"] or (["help"] if ctx.params["help"] else [])
        root = Fleetctl()
        try:
            name = resolved(topic[0]) if topic else ""
        except Stop:
            import sys

            sys.stderr.write("Unknown help topic [" + " ".join(f"`{word}`" for word in topic) + "].")
            name = ""
        found = root.get_command(ctx, name)
        say((command_help(found) if isinstance(found, FleetCommand) else main_help(root)).removesuffix("\n"))
        return 0


help = _HelpCommand(
    "help",
    lambda session: None,
    [words("topic")],
    "help [command]",
    short_help="Show help for a command",
    help="Shows help for a command, or for fleetctl as a whole.",
    example="fleetctl help start",
)


@command(
    "version",
    "Print the version of fleetctl",
    words("ignored"),
    description="Prints the version of fleetctl.",
    example="fleetctl version",
    is_local=True,
)
def version(session: Session, ignored: Sequence[str]) -> None:
    """Print the version."""
    from fleetctl.help import version as own_version

    say(f"fleetctl version {own_version()}")
