"""Unit files: what is in them, their canonical text, and the hash that says what is the same.

Rule 1: a file has no name; two with one hash are one file (fleet 1.0).
Rule 2: what comes in is checked; what is stored is read as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from units.dropins import DropIns, check_drop_ins, drop_ins, in_effect, with_drop_ins
from units.grammar import WHITE_SPACE, InvalidUnitFile, Option, parse_options, without_surrogates

__all__ = [
    "WHITE_SPACE",
    "InvalidUnitFile",
    "Option",
    "UnitFile",
    "content_hash",
    "decode_text",
    "parse_options",
    "serialize",
]


@dataclass(frozen=True, slots=True)
class UnitFile:
    """What a unit does, apart from its name."""

    options: tuple[Option, ...]
    text: str
    hash: str

    @classmethod
    def from_text(cls, text: str) -> UnitFile:
        """The file that somebody wrote: its options, and the canonical text of them."""
        options = parse_options(text)
        check_drop_ins(options)
        canonical = serialize(options)
        return cls(options, canonical, content_hash(canonical))

    @classmethod
    def from_options(cls, options: Iterable[Option]) -> UnitFile:
        """The file that a client sent as options; InvalidUnitFile when its text does not parse.

        `text` and `hash` are those of the options as sent. `options` are what every
        reader of the stored text will find: they differ if a value held a newline.
        """
        text = without_surrogates(serialize(options))
        read = parse_options(text)
        check_drop_ins(read)
        return cls(read, text, content_hash(text))

    @classmethod
    def from_stored(cls, text: str) -> UnitFile:
        """The file that is stored already: its text stays as it is, and long lines pass."""
        return cls(parse_options(text, strict=False), text, content_hash(text))

    def with_drop_ins(self, drop_ins: DropIns) -> UnitFile:
        """The file with these drop-ins, in place of those of the same names. Raises InvalidUnitFile."""
        if not drop_ins:
            return self
        options = with_drop_ins(self.options, drop_ins)
        file = UnitFile.from_options(options)
        if len(file.options) != len(options):
            raise InvalidUnitFile("a value ends in a backslash, and would swallow the line after it")
        return file

    @property
    def drop_ins(self) -> dict[str, str]:
        """The texts of the drop-ins that it carries, by file name."""
        return {name: serialize(options) for name, options in drop_ins(self.options).items()}

    @property
    def description(self) -> str | None:
        """The first `Description` in `[Unit]`, which tables show."""
        return next(iter(self.section_values("Unit", "Description")), None)

    @property
    def has_install(self) -> bool:
        """Whether systemd is to enable it: `[Install]` holds at least one option."""
        return any(option.section == "Install" for option in self.options)

    def section_values(self, section: str, name: str) -> tuple[str, ...]:
        """The values of one option, in file order, those of drop-ins last."""
        return tuple(o.value for o in in_effect(self.options) if o.name == name and o.section == section)


def serialize(options: Iterable[Option]) -> str:
    """The canonical text: sections in the order of their first option, nothing escaped."""
    sections: dict[str, list[str]] = {}
    for option in options:
        sections.setdefault(option.section, []).append(f"{option.name}={option.value}\n")
    return "\n".join(f"[{section}]\n{''.join(lines)}" for section, lines in sections.items())


def content_hash(text: str) -> str:
    """The SHA-1 of the text in hex; bytes that Python escaped count as the bytes they were."""
    return hashlib.sha1(text.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()


def decode_text(data: bytes) -> str:
    """The text of a file on disk, with U+FFFD for every byte that is not UTF-8."""
    return without_surrogates(data.decode("utf-8", "surrogateescape"))
