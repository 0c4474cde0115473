"""context: clusters with names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from fleetctl.command import OUTPUT_DATA, FleetCommand, words
from fleetctl.contexts import NEVER_KEPT, Contexts, load, save
from fleetctl.flags import GLOBAL
from fleetctl.output import USAGE, Stop, doing, say
from fleetctl.tables import aligned


class _Context(FleetCommand):
    """Works on the user's file alone: no session is opened, and global flags are what is kept."""

    def invoke(self, ctx: click.Context) -> Any:
        """Do what the first word says."""
        if ctx.params["help"]:
            return super().invoke(ctx)
        line = click.core.ParameterSource.COMMANDLINE
        names = [str(option.name) for option in GLOBAL]
        given = {name: ctx.params[name] for name in names if ctx.get_parameter_source(name) is line}
        if "etcd_password" in given:
            raise Stop("A password is not kept in a context (put it into a file: --etcd-password-file)")
        given = {name: value for name, value in given.items() if name not in NEVER_KEPT}
        with doing("Error changing contexts"):
            return _do(ctx.params["words"], given, ctx.params["output"])


def _do(words: Sequence[str], flags: dict[str, Any], output: str) -> int:
    match list(words):
        case ["create", name] if flags:
            save(load().having(name, flags))
        case ["use", name]:
            save(load().using(name))
        case ["use"]:
            save(load().using(""))
        case ["delete", name]:
            save(load().without(name))
        case [] | ["list"]:
            _list(load(), output)
        case _:
            raise Stop(f"What about contexts? fleetctl {context.usage}", USAGE)
    return 0


def _list(contexts: Contexts, output: str) -> None:
    if output:
        from fleetctl.formats import Data, rendered

        records: list[Data] = [
            {"name": name, "current": name == contexts.current, "flags": dict(flags)}
            for name, flags in sorted(contexts.by_name.items())
        ]
        say(rendered(output, records))
        return
    rows = [
        ["*" if name == contexts.current else "", name, " ".join(map(_as_flag, flags.items()))]
        for name, flags in sorted(contexts.by_name.items())
    ]
    for line in aligned([["CURRENT", "NAME", "FLAGS"], *rows]):
        say(line)


def _as_flag(item: tuple[str, Any]) -> str:
    value = str(item[1]).lower() if isinstance(item[1], bool) else item[1]
    return f"--{item[0].replace('_', '-')}={value}"


context = _Context(
    "context",
    lambda session: None,
    [OUTPUT_DATA, words("words")],
    "context create NAME GLOBAL-FLAGS...|use [NAME]|delete NAME|list",
    short_help="Give clusters names",
    help="""\
Keeps global flags under a name, for --context NAME (or FLEETCTL_CONTEXT). `use`
makes a context hold wherever no flag or variable says which cluster is meant;
without a name it ends that. The file is ~/.fleetctl/contexts.json.""",
    example="""\
fleetctl context create prod --tunnel bastion.example.com --ssh-username admin
fleetctl --context prod list-units
fleetctl context use prod""",
)
