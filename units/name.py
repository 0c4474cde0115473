"""What a unit's name may be, what its parts are, and what `%n %N %p %i` stand for.

Rule 1: a name is checked when it comes in, never when it is read back.
Rule 2: nothing is unescaped: `\\x2d` in a name stays as it is (fleet 1.0).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from units.quoting import quoted

KNOWN_TYPES = frozenset(
    {
        "automount",
        "busname",
        "device",
        "mount",
        "path",
        "scope",
        "service",
        "slice",
        "snapshot",
        "socket",
        "swap",
        "target",
        "timer",
    }
)
TEMPLATE_TYPES = frozenset({"path", "service", "socket", "target", "timer"})
MAX_NAME_BYTES = 256

_FORBIDDEN = re.compile(r"[^0-9a-zA-Z:\-_.\\@]")


class InvalidName(ValueError):
    """A unit cannot be called that; the message is the one fleet 1.0 gave."""


def check_name(name: str) -> None:
    """Raise InvalidName with the first rule of fleet 1.0 that the name breaks."""
    if said := _fault_of_length(name) or _fault_of_type(name) or _fault_of_characters(name):
        raise InvalidName(said)


def _fault_of_length(name: str) -> str | None:
    if not name:
        return "unit name cannot be empty"
    if len(name.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES:
        return f"unit name exceeds maximum length ({MAX_NAME_BYTES})"
    return None


def _fault_of_type(name: str) -> str | None:
    _, dot, kind = name.rpartition(".")
    if not dot:
        return 'unit name must contain "."'
    if not kind:
        return 'unit name cannot end in "."'
    if kind not in KNOWN_TYPES:
        return f"invalid unit type: {quoted(kind)}"
    if "@" in name and kind not in TEMPLATE_TYPES:
        return f"invalid unit type for template: {quoted(kind)}"
    return None


def _fault_of_characters(name: str) -> str | None:
    if found := _FORBIDDEN.search(name):
        return f"invalid character {quoted(found[0], chr(39))} in unit name"
    return 'unit name cannot start in "@"' if name.startswith("@") else None


@dataclass(frozen=True, slots=True)
class UnitName:
    """The parts of a unit's name; a part that it does not have is the empty string.

    `suffix` begins with its dot (`.service`), so `name + suffix` is the full name.
    `template` is the full name of the template this name is made from.
    """

    full: str
    name: str
    prefix: str
    template: str
    instance: str
    suffix: str

    @property
    def is_template(self) -> bool:
        """Whether it is a pattern for instances, such as `web@.service`."""
        return bool(self.template) and not self.instance

    @property
    def is_instance(self) -> bool:
        """Whether it is made from a template, such as `web@1.service`."""
        return bool(self.instance)


def parse_name(full: str) -> UnitName | None:
    """The parts of a name, or None for one without a type, which has no parts."""
    name, dot, kind = full.rpartition(".")
    if not dot:
        return None
    suffix = dot + kind
    prefix, at, instance = name.partition("@")
    template = prefix + at + suffix if at else ""
    return UnitName(full, name, prefix, template, instance, suffix)


def expand(value: str, name: str) -> str:
    """The value with `%n %N %p %i` replaced, one after the other; `%%` is no escape."""
    if "%" not in value or (parts := parse_name(name)) is None:
        return value
    value = value.replace("%n", parts.full).replace("%N", parts.name)
    return value.replace("%p", parts.prefix).replace("%i", parts.instance)
