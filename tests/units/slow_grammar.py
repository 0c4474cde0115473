"""The grammar of unit files once more, byte by byte and as slowly as it is written down.

It is the yardstick for the fast reader: both must say the same of every text.
It shares no code with it but the records.
"""

from __future__ import annotations

from units.file import InvalidUnitFile, Option

BLANKS = {
    chr(code)
    for first, last in [
        (0x09, 0x0D),
        (0x20, 0x20),
        (0x85, 0x85),
        (0xA0, 0xA0),
        (0x1680, 0x1680),
        (0x2000, 0x200A),
        (0x2028, 0x2029),
        (0x202F, 0x202F),
        (0x205F, 0x205F),
        (0x3000, 0x3000),
    ]
    for code in range(first, last + 1)
}


def slow_options(text: str) -> list[Option]:
    """The options, or InvalidUnitFile. Lines may have any length."""
    return SlowReader(text).options()


def trimmed(text: str) -> str:
    """The text without the blanks at both ends."""
    while text and text[0] in BLANKS:
        text = text[1:]
    while text and text[-1] in BLANKS:
        text = text[:-1]
    return text


class SlowReader:
    """Takes one character after the other."""

    def __init__(self, text: str) -> None:
        self.left = text
        self.inside: str | None = None
        self.found: list[Option] = []

    def options(self) -> list[Option]:
        while self.left:
            self.step()
        return self.found

    def step(self) -> None:
        char = self.left[0]
        if char == "[":
            self.header()
        elif char in "#;":
            self.comment()
        elif self.inside is None or char in BLANKS:
            self.left = self.left[1:]
        else:
            self.option(self.inside)

    def line(self) -> tuple[str, bool]:
        """The rest of the line, and whether a newline ended it."""
        line = ""
        while self.left:
            char, self.left = self.left[0], self.left[1:]
            if char == "\n":
                return line, True
            line += char
        return (line[:-1] if line[-1:] == "\r" else line), False

    def header(self) -> None:
        name = ""
        self.left = self.left[1:]
        while self.left and self.left[0] != "]":
            name += self.left[0]
            self.left = self.left[1:]
        if not self.left:
            raise InvalidUnitFile("unable to find end of section")
        self.left = self.left[1:]
        garbage = trimmed(self.line()[0])
        if garbage:
            listed = " ".join(str(b) for b in garbage.encode())
            raise InvalidUnitFile(f"found garbage after section name : [{listed}]")
        self.inside = name

    def comment(self) -> None:
        while True:
            line, _ = self.line()
            if line[-1:] == " ":
                line = line[:-1]
            if line[-1:] != "\\":
                return

    def option(self, section: str) -> None:
        name = ""
        while self.left and self.left[0] != "=":
            if self.left[0] in "\r\n":
                raise InvalidUnitFile("unexpected newline encountered while parsing option name")
            name += self.left[0]
            self.left = self.left[1:]
        if not self.left:
            raise InvalidUnitFile("EOF")
        self.left = self.left[1:]
        self.found.append(Option(section, trimmed(name), self.value()))

    def value(self) -> str:
        value = ""
        while True:
            line, ended = self.line()
            if not trimmed(line):
                break
            value += line
            if line[-1] != "\\":
                break
            if ended:
                value += "\n"
        return trimmed(value) + ("\n" if value[-1:] == "\n" else "")
