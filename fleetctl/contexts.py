"""Clusters with names: which global flags belong to each, kept in a file of the user.

Rule 1: what is given on the command line wins, then a context that is named there, then the environment,
        then the context in use.
Rule 2: the context in use counts for nothing as soon as a flag or variable says which cluster is meant.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from fleetctl.errors import FleetctlError
from fleetctl.settings import Settings

FILE = Path("~/.fleetctl/contexts.json")
WHICH_CLUSTER = frozenset({"endpoint", "driver", "tunnel"})
NEVER_KEPT = frozenset({"context", "help", "version", "debug", "etcd_password"})
"""What belongs to one run, and a secret, which is kept in a file of its own (--etcd-password-file)."""


class BadContext(FleetctlError):
    """There is no such context, or the file cannot be used."""


@dataclass(frozen=True, slots=True)
class Contexts:
    """All contexts by name, each with its flags, and the name of the one in use."""

    by_name: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    current: str = ""

    def flags(self, name: str) -> Mapping[str, Any]:
        """The flags of a context. Raises BadContext."""
        try:
            return self.by_name[name]
        except KeyError:
            known = ", ".join(sorted(self.by_name)) or "there are none yet"
            raise BadContext(f'no context is called "{name}" ({known})') from None

    def having(self, name: str, flags: Mapping[str, Any]) -> Contexts:
        """With one more, or another of that name."""
        return replace(self, by_name={**self.by_name, name: dict(flags)})

    def without(self, name: str) -> Contexts:
        """Without that one. Raises BadContext."""
        self.flags(name)
        left = {key: flags for key, flags in self.by_name.items() if key != name}
        return Contexts(left, "" if self.current == name else self.current)

    def using(self, name: str) -> Contexts:
        """With that one in use; none with an empty name. Raises BadContext."""
        if name:
            self.flags(name)
        return replace(self, current=name)


def load() -> Contexts:
    """The contexts of this user. Raises BadContext."""
    try:
        said = json.loads(FILE.expanduser().read_text())
    except (FileNotFoundError, NotADirectoryError, RuntimeError):
        return Contexts()
    except (OSError, ValueError) as error:
        raise BadContext(f"{FILE} cannot be read: {error} (mend it, or remove it)") from error
    by_name = said.get("contexts") if isinstance(said, dict) else None
    if not isinstance(by_name, dict) or not all(map(_is_flags, by_name.values())):
        raise BadContext(f"{FILE} holds no contexts with flags (mend it, or remove it)")
    return Contexts(by_name, str(said.get("current", "")))


def _is_flags(said: Any) -> bool:
    """Whether each is of the type that the flag has."""
    kinds = {field.name: type(field.default) for field in fields(Settings)}
    return isinstance(said, dict) and all(
        isinstance(value, int | float if kinds.get(name) is float else kinds.get(name, object))
        for name, value in said.items()
    )


def save(contexts: Contexts) -> None:
    """Keep the contexts. Raises BadContext."""
    path = FILE.expanduser()
    said = {"contexts": contexts.by_name, "current": contexts.current}
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(said, indent=2, sort_keys=True) + "\n")
        fresh.replace(path)
    except OSError as error:
        raise BadContext(f"{path} cannot be written: {(error.strerror or str(error)).lower()}") from error


def applied(
    flags: Mapping[str, Any], on_line: frozenset[str], in_environment: frozenset[str], contexts: Contexts
) -> dict[str, Any]:
    """The flags that hold, given which of them come from where. Raises BadContext."""
    name = flags.get("context") or ""
    if name:
        others = contexts.flags(name)
        given = on_line
    elif (on_line | in_environment) & WHICH_CLUSTER or not contexts.current:
        return dict(flags)
    else:
        others = contexts.flags(contexts.current)
        given = on_line | in_environment
    return {**flags, **{key: value for key, value in others.items() if key not in given}}
