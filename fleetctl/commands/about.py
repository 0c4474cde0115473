"""fleetctl itself: help, version, and the command that no longer is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from fleetctl.command import FleetCommand, command, words
from fleetctl.output import Stop, complain, say
from fleetctl.session import Session


class _HelpCommand(FleetCommand):
    """Needs no cluster, so no session is opened."""

    def invoke(self, ctx: click.Context) -> Any:
        """Show the help of the command that is named."""
        from fleetctl.cli import Fleetctl, resolved
        from fleetctl.help import command_help, main_help

        topic = ctx.params["topic"]
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
)


@command(
    "version",
    "Print the version of fleetctl",
    words("ignored"),
    description="Prints the version of fleetctl.",
)
def version(session: Session, ignored: Sequence[str]) -> None:
    """Print the version."""
    from fleetctl.help import version as own_version

    say(f"fleetctl version {own_version()}")


class _Verify(FleetCommand):
    """Says that it is deprecated before anything else, as in fleet 1.0."""

    def invoke(self, ctx: click.Context) -> Any:
        """Warn, then run."""
        if not ctx.params["help"]:
            complain('Command "verify" is deprecated, DEPRECATED - No longer works')
        return super().invoke(ctx)


def _verify(session: Session, ignored: Sequence[str]) -> int:
    complain("WARNING: The signed/verified units feature is DEPRECATED and cannot be used.")
    return 2


verify = _Verify(
    "verify", _verify, [words("ignored")], "verify UNIT", short_help="DEPRECATED - No longer works"
)
