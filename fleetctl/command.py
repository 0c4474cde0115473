"""A command of fleetctl: a click command with the global flags, which reads all flags as fleet 1.0 did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click
from click.core import ParameterSource

from fleetctl.contexts import Contexts, applied, load
from fleetctl.flags import GLOBAL, FlagError, Integer, OneOf, Spellings, Switch, flag, normalised, spellings
from fleetctl.output import Stop, doing
from fleetctl.session import Session
from fleetctl.settings import Settings

Callback = Callable[..., int | None]


class FleetCommand(click.Command):
    """A command. Its callback gets the Session, flags and arguments by name, and returns the exit status."""

    def __init__(
        self, name: str, callback: Callback, params: list[click.Parameter], usage: str, *,
        example: str = "", is_local: bool = False, fills: bool = False, **texts: Any,
    ) -> None:  # fmt: skip
        super().__init__(name, callback=callback, params=[*params, *GLOBAL], add_help_option=False, **texts)
        self.usage = usage
        self.example = example
        self.is_local = is_local
        """Whether it asks no cluster: then the context in use is none of its business."""
        self.fills = fills
        """Whether it fills a store that may be empty: then which one is never guessed."""

    @property
    def own_flags(self) -> list[click.Option]:
        """The flags that are not global."""
        return [p for p in self.params if isinstance(p, click.Option) and p not in GLOBAL]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the flags, however they are written. Raises FlagError."""
        known = spellings(self.params)
        try:
            args = normalised(args, known)
        except FlagError as error:
            raise FlagError(error.message + _meant(error.message, known), ctx) from None
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, or show its help."""
        settings = Settings.of(_global_flags(ctx, is_local=self.is_local))
        if settings.help:
            from fleetctl.help import command_help
            from fleetctl.output import say

            say(command_help(self).removesuffix("\n"))
            return 0
        assert self.callback is not None
        session = Session.open(settings, guess=not self.fills)
        try:
            return self.callback(session, **ctx.params)
        finally:
            session.close()


def _meant(said: str, known: Spellings) -> str:
    """What an unknown flag may have meant, in words."""
    written = said.removeprefix("unknown flag: ")
    if written == said:
        return ""
    from fleetctl.help import nearest

    return nearest(written, known)


def _global_flags(ctx: click.Context, *, is_local: bool) -> dict[str, Any]:
    """The global flags, taken out of the command's, with those of a context. Raises Stop."""
    names = [str(option.name) for option in GLOBAL]
    flags = {name: ctx.params.pop(name) for name in names}
    if flags["help"]:
        return flags
    from_line, from_environment = (
        frozenset(name for name in names if ctx.get_parameter_source(name) is source)
        for source in (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
    )
    with doing("Unable to initialize client"):
        contexts = Contexts() if is_local and not flags["context"] else load()
        found = applied(flags, from_line, from_environment, contexts)
    by_context = frozenset(name for name in names if found[name] != flags[name])
    return {**found, "given": from_line | from_environment | by_context}


def command(
    usage: str,
    summary: str,
    *params: click.Parameter,
    description: str = "",
    example: str = "",
    **kinds: bool,
) -> Callable[[Callback], FleetCommand]:
    """Make a command of a function; its name is the first word of the usage, `kinds` are FleetCommand's."""

    def made(callback: Callback) -> FleetCommand:
        texts: dict[str, Any] = {"short_help": summary, "help": description or None, "example": example}
        return FleetCommand(usage.split()[0], callback, list(params), usage, **(texts | kinds))

    return made


def words(name: str) -> click.Argument:
    """Any number of arguments."""
    return click.Argument([name], nargs=-1, type=click.UNPROCESSED)


def units_given(units: Sequence[str]) -> None:
    """End the command, successfully as in fleet 1.0, if there is nothing to do it to."""
    if not units:
        raise Stop("No units given", 0)


NO_BLOCK = flag(
    "--no-block", kind=Switch(), default=False, help="do not wait until the units are in the state asked for"
)
BLOCK_ATTEMPTS = flag(
    "--block-attempts", kind=Integer(), default=0,
    help="wait at most this many times 2 seconds; 0 or less: without limit",
)  # fmt: skip
SSH_PORT = flag("--ssh-port", kind=Integer(), default=22, help="SSH port of the machines")
OUTPUT_DATA = flag(
    "--output", "-o", kind=OneOf("json", "yaml"), default="", help="json or yaml instead of text"
)
