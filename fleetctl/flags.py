"""Flags as fleet 1.0 took them, told to click: `--flag`, `--flag=value`, `--switch=false`, anywhere.

Rule 1: what comes out of `normalised` has one form, `--name=value`, which click reads alone.
Rule 2: the last occurrence of a flag wins, and the command line wins over the environment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, NoReturn

import click

from fleetctl.settings import Settings

if TYPE_CHECKING:
    ParamType = click.ParamType[Any]
else:  # older clicks know no type arguments
    ParamType = click.ParamType

_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})


class FlagError(click.UsageError):
    """A flag that cannot be understood, in fleet 1.0's words."""


class Kind(ParamType):
    """A type of value with its name in help texts, the empty string for switches."""

    def shown(self) -> str:
        """The word that stands behind the flag's name in help texts."""
        return self.name

    def refuse(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None, why: str
    ) -> NoReturn:
        """Raise a FlagError that names the flag or the variable, and the value."""
        raise FlagError(f'invalid argument "{value}" for {_origin(value, param, ctx)}: {why}', ctx)


def _origin(value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
    """Where a value came from, as the user wrote it."""
    if param is None or param.name is None:
        return "a flag"
    if ctx is not None and ctx.get_parameter_source(param.name) is click.core.ParameterSource.ENVIRONMENT:
        return param.envvar if isinstance(param.envvar, str) else " or ".join(param.envvar or ())
    return f"{param.opts[0]}={value}"


class Switch(Kind):
    """Yes or no."""

    name = ""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bool:
        """The truth value of a word; a default passes."""
        if isinstance(value, bool):
            return value
        if value not in _TRUE | _FALSE:
            self.refuse(value, param, ctx, "neither true nor false")
        return value in _TRUE


class Text(Kind):
    """Any string."""

    name = "string"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The string as it is."""
        return str(value)


class OneOf(Kind):
    """One of a few words."""

    name = "string"

    def __init__(self, *words: str) -> None:
        self.words = words

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word; a default passes, and so does the empty string."""
        if value and value not in self.words:
            self.refuse(value, param, ctx, f"it is one of {', '.join(self.words)}")
        return str(value)


class Integer(Kind):
    """A whole number: decimal, `0x…` or, with a leading zero, octal."""

    name = "int"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number that is written; a default passes."""
        if isinstance(value, int):
            return value
        digits = value.lstrip("+-")
        octal = len(digits) > 1 and digits[0] == "0" and digits.isdigit()
        try:
            return int(value, 8 if octal else 0)
        except ValueError:
            self.refuse(value, param, ctx, "not a whole number")


LONGEST = 1e7
"""Seconds, about four months: as good as for ever (`--ssh-timeout=inf`)."""


class Seconds(Kind):
    """A number of seconds."""

    name = "float"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number that is written; a default passes. No clock takes more than `LONGEST`."""
        try:
            seconds = float(value)
        except ValueError:
            seconds = float("nan")
        if seconds != seconds:
            self.refuse(value, param, ctx, "not a number")
        return min(seconds, LONGEST)


def flag(
    *spellings: str, kind: Kind, default: Any, help: str, envvar: str | Sequence[str] | None = None
) -> click.Option:
    """One flag: its name first, then further spellings."""
    name = spellings[0].removeprefix("--").replace("-", "_")
    return click.Option(
        [name, *spellings],
        type=kind,
        default=default,
        help=help,
        envvar=envvar,
        is_flag=False,
        multiple=False,
    )


@dataclass(frozen=True, slots=True)
class Spelling:
    """What one way to write a flag stands for."""

    name: str
    is_switch: bool


Spellings = Mapping[str, Spelling]


def spellings(options: Iterable[click.Parameter]) -> Spellings:
    """Every way in which these flags can be written."""
    return {
        written: Spelling(option.opts[0], isinstance(option.type, Switch))
        for option in options
        if isinstance(option, click.Option)
        for written in option.opts
    }


def normalised(args: Sequence[str], known: Spellings) -> list[str]:
    """The arguments with each flag as `--name=value`; FlagError, in fleet 1.0's words."""
    result: list[str] = []
    rest = iter(args)
    for arg in rest:
        if arg == "--":
            return [*result, arg, *rest]
        if arg.startswith("--"):
            result.append(_long(arg, rest, known))
        elif arg.startswith("-") and arg != "-":
            result.extend(_short(arg, rest, known))
        else:
            result.append(arg)
    return result


def _long(arg: str, rest: Iterable[str], known: Spellings) -> str:
    written, equals, value = arg.partition("=")
    if written == "--" or written.startswith("---"):
        raise FlagError(f"bad flag syntax: {arg}")
    spelling = known.get(written)
    if spelling is None:
        raise FlagError(f"unknown flag: {written}")
    if equals:
        return f"{spelling.name}={value}"
    if spelling.is_switch:
        return f"{spelling.name}=true"
    return f"{spelling.name}={_following(rest, written)}"


def _short(arg: str, rest: Iterable[str], known: Spellings) -> list[str]:
    """`-l`, `-lf`, `-o json`, `-ojson`, `-o=json`."""
    result: list[str] = []
    for at, letter in enumerate(arg[1:], 1):
        spelling = known.get(f"-{letter}")
        if spelling is None:
            raise FlagError(f"unknown shorthand flag: '{letter}' in {arg}")
        value, equals = arg[at + 1 :], arg[at + 1 : at + 2] == "="
        if spelling.is_switch and not equals:
            result.append(f"{spelling.name}=true")
            continue
        return [*result, f"{spelling.name}={value[1:] if equals else value or _following(rest, arg)}"]
    return result


def _following(rest: Iterable[str], written: str) -> str:
    for value in rest:
        return value
    raise FlagError(f"flag needs an argument: {written}")


def command_first(args: Sequence[str], known: Spellings) -> tuple[str | None, list[str]]:
    """The command's word, and all other arguments in their order; None where there are only flags.

    A flag in front of the command may be one of its own, which are known only once the command is.
    """
    leading: list[str] = []
    rest = iter(args)
    for arg in rest:
        if arg != "-" and arg.startswith("-"):
            leading.append(arg)
            spelling = known.get(arg)
            if spelling is not None and not spelling.is_switch:
                leading.extend([value] if (value := next(rest, None)) is not None else [])
        else:
            return arg, [*leading, *rest]
    return None, leading


_DEFAULTS = {field.name: field.default for field in fields(Settings) if field.default is not MISSING}


def _global(name: str, kind: Kind, help: str, *others: str, envvar: Sequence[str] = ()) -> click.Option:
    variable = "FLEETCTL_" + name.upper().replace("-", "_")
    default = _DEFAULTS[name.replace("-", "_")]
    return flag(f"--{name}", *others, kind=kind, default=default, help=help, envvar=list(envvar) or variable)


# The order of the variables of one flag is the order in which fleet 1.0 lets them win.
GLOBAL = (
    _global("ca-file", Text(), "authority that has signed the server's certificate (TLS)", "--etcd-cafile",
            envvar=("FLEETCTL_ETCD_CAFILE", "FLEETCTL_CA_FILE")),
    _global("cert-file", Text(), "certificate of this client (TLS)", "--etcd-certfile",
            envvar=("FLEETCTL_ETCD_CERTFILE", "FLEETCTL_CERT_FILE")),
    _global("color", OneOf("auto", "always", "never"), "colour by state: auto, always or never"),
    _global("context", Text(), "name of the cluster, as given with `fleetctl context create`"),
    _global("debug", Switch(), "log every request to stderr"),
    _global("driver", Text(), 'how to reach the cluster: "API" or "etcd"'),
    _global("endpoint", Text(), "address of the API, or addresses of etcd with --driver=etcd"),
    _global("etcd-api", Integer(), "version of etcd's API with --driver=etcd; 2 is found if 3 is empty"),
    _global("etcd-key-prefix", Text(), "prefix of fleet's keys in etcd, with --driver=etcd"),
    _global("etcd-password", Text(), "password to etcd, with --driver=etcd (others see it here)"),
    _global("etcd-password-file", Text(), "file with the password to etcd, which wins over --etcd-password"),
    _global("etcd-username", Text(), "user to etcd, with --driver=etcd"),
    _global("experimental-api", Switch(), "deprecated: use --driver"),
    _global("help", Switch(), "show help for the command", "--h", "-h",
            envvar=("FLEETCTL_HELP", "FLEETCTL_H")),
    _global("key-file", Text(), "key of this client's certificate (TLS)", "--etcd-keyfile",
            envvar=("FLEETCTL_KEY_FILE", "FLEETCTL_ETCD_KEYFILE")),
    _global("known-hosts-file", Text(), "file with the keys of known SSH hosts"),
    _global("request-timeout", Seconds(), "seconds for one request, with --driver=etcd"),
    _global("ssh-timeout", Seconds(), "seconds for an SSH connection to come about"),
    _global("ssh-username", Text(), "user name on the hosts, for SSH"),
    _global("strict-host-key-checking", Switch(), "check the keys of SSH hosts"),
    _global("tunnel", Text(), "SSH host[:port] through which to reach the cluster"),
    # No variable: in fleet 1.0 FLEETCTL_VERSION said nothing, and may hold a version.
    flag("--version", kind=Switch(), default=False, help="show the version (as the only argument)"),
)  # fmt: skip
GLOBAL_SPELLINGS = spellings(GLOBAL)
