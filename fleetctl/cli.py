"""fleetctl's entry: finds the command, runs it, and turns whatever happens into words and an exit status."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from fleetctl.errors import FleetctlError
from fleetctl.flags import GLOBAL_SPELLINGS, FlagError, command_first, normalised
from fleetctl.output import INTERRUPTED, USAGE, Stop, complain, discard, fill_closed_streams, say

_WHERE = {
    "backup": "keeping",
    "cat": "lists",
    "completion": "completing",
    "context": "contexting",
    "destroy": "leaving",
    "diff": "comparing",
    "doctor": "health",
    "fd-forward": "forward",
    "help": "about",
    "journal": "nearby",
    "list-machines": "lists",
    "list-unit-files": "lists",
    "list-units": "lists",
    "load": "arriving",
    "migrate": "migrating",
    "plan": "placing",
    "restart": "restarting",
    "restore": "keeping",
    "ssh": "shell",
    "start": "arriving",
    "status": "nearby",
    "stop": "leaving",
    "submit": "arriving",
    "unload": "leaving",
    "verify": "verifying",
    "version": "about",
    "why": "placing",
}


class Fleetctl(click.Group):
    """All commands; a module of commands is imported when one of them is asked for."""

    def __init__(self) -> None:
        super().__init__("fleetctl", add_help_option=False)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in alphabetical order."""
        return sorted(_WHERE)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of exactly this name."""
        if cmd_name not in _WHERE:
            return None
        module = import_module(f"fleetctl.commands.{_WHERE[cmd_name]}")
        found: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return found

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the command first; without one, only global flags may stand there. Raises FlagError, Stop."""
        word, others = command_first(args, GLOBAL_SPELLINGS)
        if word is None:
            normalised(others, GLOBAL_SPELLINGS)
            raise Stop("", _show_main_help())
        return super().parse_args(ctx, [resolved(word), *others])


NEW = frozenset({"backup", "completion", "context", "diff", "doctor", "migrate", "plan", "restore", "why"})
"""Commands that fleet 1.0 has not: none of its scripts may find a short form taken by one of them."""


def resolved(word: str) -> str:
    """The command that a word means: its name, or the only one that begins so. Raises Stop.

    What is unique among the commands of 1.0 stays so: `rest` is `restart`, whatever else begins with it.
    """
    if word in _WHERE:
        return word
    alike = [name for name in _WHERE if name.startswith(word)]
    for choices in ([name for name in alike if name not in NEW], alike):
        if len(choices) == 1:
            return choices[0]
    raise _unknown(word)


def _unknown(word: str) -> Stop:
    from fleetctl.help import suggestions

    said = f'unknown command "{word}" for "fleetctl"'
    if similar := suggestions(word, _WHERE):
        said += "\n\nDid you mean this?\n" + "".join(f"\t{name}\n" for name in similar)
    return Stop(f"Error: {said}\nRun 'fleetctl --help' for usage.\ncannot execute cmdFleet: {said}", USAGE)


def _show_main_help() -> int:
    from fleetctl.help import main_help

    say(main_help(Fleetctl()).removesuffix("\n"))
    return 0


def run(args: Sequence[str]) -> int:
    """Run one command line; returns the exit status. Raises only KeyboardInterrupt and BrokenPipeError."""
    if not args:
        from fleetctl.help import short_help

        say(short_help(Fleetctl()).removesuffix("\n"))
        return 0
    if args[0] in ("--version", "-v"):
        from fleetctl.help import version

        say(f"fleetctl version {version()}")
        return 0
    if args[0] == "__complete":  # asked by the scripts of `fleetctl completion`
        from fleetctl.completion import candidates

        for word in candidates(args[1:]):
            say(word)
        return 0
    try:
        return _status(_invoked(list(args)))
    except Stop as stop:
        if stop.said:
            complain(stop.said)
        return stop.status
    except FleetctlError as error:
        complain(f"Error: {error}")
        return 1
    except click.UsageError as error:
        _explain_flags(error)
        return USAGE


def _invoked(args: list[str]) -> Any:
    root = Fleetctl()
    with root.make_context("fleetctl", args) as context:
        return root.invoke(context)


def _status(returned: Any) -> int:
    return returned if isinstance(returned, int) else 0


def _explain_flags(error: click.UsageError) -> None:
    """Say what is wrong with the flags, with the help of the command, as fleet 1.0 did."""
    from fleetctl.command import FleetCommand
    from fleetctl.help import command_help, main_help

    command = error.ctx.command if error.ctx is not None else None
    text = command_help(command) if isinstance(command, FleetCommand) else main_help(Fleetctl())
    said = error.message if isinstance(error, FlagError) else error.format_message()
    complain(f"Error: {said}\n\ncannot execute cmdFleet: {said}")
    say(text.removesuffix("\n"))


def main() -> int:
    """Run the command line of this process; returns its exit status."""
    fill_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    return finish(sys.argv[1:])


_NOT_WRITTEN = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG)


def finish(args: Sequence[str]) -> int:
    """Run one command line to its end, whatever happens; returns the exit status."""
    try:
        return run(args)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the output has seen enough
        discard(sys.stdout)
        return 1
    except OSError as error:
        if error.errno not in _NOT_WRITTEN:
            return _unexpected(error)
        discard(sys.stdout)
        complain(f"Error: the output cannot be written: {(error.strerror or str(error)).lower()}")
        return 1
    except Exception as error:  # the edge: no stack trace for people
        return _unexpected(error)


def _unexpected(error: Exception) -> int:
    """Say that fleetctl itself is wrong; with FLEETCTL_DEBUG, where."""
    if os.environ.get("FLEETCTL_DEBUG"):
        import traceback

        traceback.print_exc()
    complain(f"Error: {type(error).__name__}: {error} (a bug in fleetctl: FLEETCTL_DEBUG=true shows where)")
    return 1
