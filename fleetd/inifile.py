"""The grammar of the configuration file: text in, settings out (fleet 1.0, `spec/config.md` §3).

Rule 1: only options outside of any section count; an empty header `[]` begins that part afresh.
Rule 2: what is not understood is an error with its line; what is ignored is said.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_COMMENT = ("#", ";")
_SECTION = re.compile(r"\[([^\]]*)\]")
_SETTING = re.compile(r"([^ \t=]+)[ \t]*=\s*(.*)")
_QUOTED = re.compile(r"""(?:"([^"]*)"|'([^']*)')\s*(?:[#;].*)?""")


class ConfigError(Exception):
    """The daemon cannot be configured like this; the message names the place and what is accepted."""


class BadValue(ConfigError):
    """One option cannot have this value. Fleet 1.0 noticed as it made its server (`spec/config.md` §6)."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value as it was written, not read yet."""

    key: str
    value: str
    place: str
    """Where it stands, for people: `/etc/fleet/fleet.conf:3` or `environment`."""


@dataclass(frozen=True, slots=True)
class Document:
    """What one file says: the settings that count, and what is ignored in it."""

    settings: dict[str, Setting]
    ignored: tuple[str, ...]


def read(text: str, path: str) -> Document:
    """What the text of the file at `path` sets. Raises ConfigError."""
    settings: dict[str, Setting] = {}
    ignored: list[str] = []
    section = ""
    for number, line in _logical_lines(text, path):
        place = f"{path}:{number}"
        if header := _SECTION.fullmatch(line):
            section = header[1]
            if not section and settings:
                ignored.append(f"{place}: [] forgets what was set above it: {', '.join(sorted(settings))}")
                settings = {}
        else:
            setting = _setting(line, number, path)
            if section:
                ignored.append(f"{place}: {setting.key} stands in section [{section}]: ignored")
            else:
                settings[setting.key] = setting
    return Document(settings, tuple(ignored))


def _logical_lines(text: str, path: str) -> Iterator[tuple[int, str]]:
    """The lines that say something, each with its number, continuations joined."""
    lines = enumerate(text.removesuffix("\n").split("\n"), start=1)
    for number, line in lines:
        joined = line.strip()
        if joined.startswith(_COMMENT):
            continue
        while joined.endswith("\\"):
            _, following = next(lines, (0, None))
            if following is None:
                raise ConfigError(f"EOF ({path}:{number}: a line ends in a backslash and nothing follows it)")
            joined = joined[:-1] + following.strip()
        if joined:
            yield number, joined


def _setting(line: str, number: int, path: str) -> Setting:
    found = _SETTING.fullmatch(line)
    if not found:
        meant = f"{path}:{number}: expected option = value, not {line!r}"
        raise ConfigError(f"iniparser: syntax error at ':{number}'. ({meant})")
    return Setting(found[1].lower(), _unquoted(found[2]), f"{path}:{number}")


def _unquoted(written: str) -> str:
    """The value without its quotes or its comment. A comment may follow the quotes, unlike in 1.0."""
    if quoted := _QUOTED.fullmatch(written):
        return quoted[1] if quoted[1] is not None else quoted[2]
    return re.split("[#;]", written, maxsplit=1)[0].strip()
