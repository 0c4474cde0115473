"""What may stand next on a command line: commands, flags, and names from the cluster.

Rule 1: a shell that asks is never kept waiting or told of trouble: after `PATIENCE` seconds there is nothing.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import click

from fleetctl.cli import Fleetctl, resolved
from fleetctl.command import FleetCommand
from fleetctl.errors import FleetctlError
from fleetctl.flags import GLOBAL, GLOBAL_SPELLINGS, FlagError, OneOf, command_first, normalised, spellings
from fleetctl.names import KNOWN_SUFFIXES, OTHER_SUFFIXES
from fleetctl.output import Stop
from fleetctl.session import Session

PATIENCE = 2.0
_TAKE_UNITS = frozenset(
    [
        "cat",
        "destroy",
        "diff",
        "journal",
        "list-unit-files",
        "list-units",
        "load",
        "restart",
        "ssh",
        "start",
        "status",
        "stop",
        "submit",
        "unload",
        "why",
    ]
)
_TAKE_UNIT_FILES = frozenset(["diff", "load", "start", "submit", "verify"])
_TAKE_FILES = frozenset(["backup", "restore"])
_WORDS = {
    "completion": ("bash", "fish", "zsh"),
    "context": ("create", "delete", "list", "use"),
    "plan": ("add", "lose", "start", "stop"),
}
_FLAG_NAMES = {"--machine": "machines", "--unit": "units", "--context": "contexts"}
_STATES = ("active", "activating", "deactivating", "failed", "inactive", "launched", "loaded", "running")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Fixed words, and kinds of names: of the cluster (`units`, `machines`), and here (all others)."""

    words: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


def wanted(words: Sequence[str]) -> Wanted:
    """What the last of the words, perhaps empty, may become."""
    *before, last = words or [""]
    try:
        name, others = command_first(before, GLOBAL_SPELLINGS)
        command = _command(resolved(name)) if name else None
    except Stop:
        return Wanted()
    flags = spellings(command.params if command else GLOBAL)
    if last.startswith("--") and "=" in last:
        flag, _, _ = last.partition("=")
        found = _of_flag(command, flag)
        return Wanted(tuple(f"{flag}={word}" for word in found.words), found.kinds)
    if before and before[-1] in flags and not flags[before[-1]].is_switch:
        return _of_flag(command, flags[before[-1]].name)
    if last.startswith("-"):
        return Wanted(tuple(sorted({flag.name for flag in flags.values()})))
    if command is None or name is None:
        return Wanted(kinds=("commands",))
    return _of_argument(str(command.name), [word for word in others if not word.startswith("-")])


def _of_argument(name: str, arguments: Sequence[str]) -> Wanted:
    if name in _WORDS and not arguments:
        return Wanted(_WORDS[name])
    match [name, *arguments[:1]]:
        case ["plan", "lose"] | ["list-machines", *_]:
            return Wanted(kinds=("machines",))
        case ["plan", "start"]:
            return Wanted(kinds=("units", "unit files"))
        case ["plan", "stop"]:
            return Wanted(kinds=("units",))
        case ["context", "use" | "delete"]:
            return Wanted(kinds=("contexts",))
        case ["help", *_]:
            return Wanted(kinds=("commands",))
        case ["ssh"]:
            return Wanted(kinds=("units", "machines"))
        case _:
            pass
    kinds = (("units", _TAKE_UNITS), ("unit files", _TAKE_UNIT_FILES), ("files", _TAKE_FILES))
    return Wanted(kinds=tuple(kind for kind, names in kinds if name in names))


def _of_flag(command: FleetCommand | None, name: str) -> Wanted:
    if name in _FLAG_NAMES:
        return Wanted(kinds=(_FLAG_NAMES[name],))
    if name == "--state":
        return Wanted(_STATES)
    if name.endswith("-file"):
        return Wanted(kinds=("files",))
    for option in command.params if command else GLOBAL:
        if isinstance(option, click.Option) and option.opts[0] == name and isinstance(option.type, OneOf):
            return Wanted(option.type.words)
    return Wanted()


def _command(name: str) -> FleetCommand:
    root = Fleetctl()
    found = root.get_command(click.Context(root), name)
    assert isinstance(found, FleetCommand)
    return found


def candidates(words: Sequence[str]) -> list[str]:
    """The words that may stand in place of the last one."""
    asked = wanted(words)
    last = words[-1] if words else ""
    flag = last.partition("=")[0] + "=" if last.startswith("--") and "=" in last else ""
    names = [
        flag + name for kind in asked.kinds for name in _names(kind, words[:-1], last.removeprefix(flag))
    ]
    return sorted({word for word in (*asked.words, *names) if word.startswith(last)})


def _names(kind: str, words: Sequence[str], begun: str) -> Iterable[str]:
    if kind in ("files", "unit files"):
        return _paths(begun, units=kind == "unit files")
    if kind == "commands":
        root = Fleetctl()
        return root.list_commands(click.Context(root))
    try:
        if kind == "contexts":
            from fleetctl.contexts import load

            return load().by_name
        return _in_time(lambda: _from_cluster(kind, words))
    except (FleetctlError, Stop, click.UsageError, TimeoutError):
        return ()


def _paths(begun: str, *, units: bool) -> Iterator[str]:
    """The files that begin so, of units or of any kind, and the directories, each with a slash behind it."""
    directory, slash, name = begun.rpartition("/")
    try:
        found = list(Path(directory + slash or ".").expanduser().iterdir())
    except (OSError, RuntimeError):
        return
    for path in found:
        if path.name.startswith(name) and (name or not path.name.startswith(".")):
            if path.is_dir():
                yield f"{directory}{slash}{path.name}/"
            elif not units or path.name.endswith((*KNOWN_SUFFIXES, *OTHER_SUFFIXES)):
                yield f"{directory}{slash}{path.name}"


def _from_cluster(kind: str, words: Sequence[str]) -> Iterable[str]:
    """The names in the cluster that the flags among the words mean. Raises FleetctlError, Stop."""
    found: list[str] = []

    def ask(session: Session) -> None:
        things: Iterable[Any] = session.api.units() if kind == "units" else session.api.machines()
        found.extend(thing.name if kind == "units" else thing.id for thing in things)

    probe = FleetCommand("names", ask, [], "names")
    with probe.make_context("names", _global_flags(words)) as context:
        probe.invoke(context)
    return found


def _global_flags(words: Sequence[str]) -> list[str]:
    known = {flag.opts[0] for flag in GLOBAL}
    flags = []
    rest = iter(words)
    for word in rest:
        name = GLOBAL_SPELLINGS.get(word.partition("=")[0])
        if name is None or name.name not in known or name.name == "--help":
            continue
        try:
            flags += normalised(
                [word] if "=" in word or name.is_switch else [word, next(rest, "")], GLOBAL_SPELLINGS
            )
        except FlagError:
            continue
    return flags


def _in_time(work: Callable[[], Iterable[str]]) -> Iterable[str]:
    def too_late(number: int, frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, too_late)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        return work()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
