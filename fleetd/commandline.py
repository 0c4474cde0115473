"""The command line of fleetd, with the flags of fleet 1.0: one dash or two make no difference."""

from collections.abc import Sequence
from dataclasses import dataclass

USAGE = """\
fleetd is the server component of fleet, a simple orchestration system for \
scheduling systemd units in a cluster.
Usage of {program}:
  -config string
    \tPath to config file. Fleet will look for a config at /etc/fleet/fleet.conf by default.
  -replay string
    \tPlan a moment that an engine has recorded once more, print what it decides, and exit.
  -version
    \tPrint the version and exit
"""


@dataclass(frozen=True, slots=True)
class Run:
    """Be the daemon, with this configuration file if one is named."""

    config: str | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """Plan a moment that an engine has recorded once more, and say what is decided."""

    path: str


@dataclass(frozen=True, slots=True)
class Version:
    """Say the version and end."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Say what is wrong, if something is, and how it goes, and end with this status."""

    status: int
    complaint: str | None = None


Wish = Run | Replay | Version | Usage


def parse(words: Sequence[str], program: str) -> Wish:
    """What the words after the program's name ask for."""
    values: dict[str, str] = {}
    is_version = False
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        name, equals, value = word.removeprefix("-").removeprefix("-").partition("=")
        if name in ("h", "help"):
            return Usage(0)
        if name == "version":
            is_version = value not in ("0", "f", "F", "false", "FALSE", "False")
        elif name not in ("config", "replay"):
            return Usage(2, f"flag provided but not defined: -{name}")
        elif equals:
            values[name] = value
        elif rest:
            values[name] = rest.pop(0)
        else:
            return Usage(2, f"flag needs an argument: -{name}")
    if is_version or rest[:1] == ["version"]:
        return Version()
    if rest:
        return Usage(1, f"{program} takes no arguments. Did you mean to invoke fleetctl instead?")
    return Replay(values["replay"]) if values.get("replay") else Run(values.get("config") or None)
