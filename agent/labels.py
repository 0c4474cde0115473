"""How systemd writes the names of units into D-Bus object paths, and back."""

import re

PREFIX = "/org/freedesktop/systemd1/unit/"

_ODD = re.compile(rb"^[0-9]|[^a-zA-Z0-9]")
_ESCAPE = re.compile(rb"_([0-9a-f]{2})")


def unit_path(name: str) -> str:
    """The object path of a unit, such as `/org/freedesktop/systemd1/unit/a_2eservice`."""
    return PREFIX + _ODD.sub(lambda odd: b"_%02x" % odd[0][0], name.encode()).decode()


def unit_name(path: str) -> str | None:
    """The unit an object path stands for, or None when it stands for none."""
    if not path.startswith(PREFIX):
        return None
    label = path.removeprefix(PREFIX).encode()
    return _ESCAPE.sub(lambda code: bytes.fromhex(code[1].decode()), label).decode(errors="replace")
