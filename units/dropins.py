"""Drop-ins that travel with a unit: how they stand among its options, and how they come out again.

The `[Service]` of a drop-in `10-limits.conf` is the section `[X-DropIn 10-limits.conf/Service]` of its unit.
systemd ignores sections whose names begin with `X-`, fleet 1.0 stores what it does not know: so text, hash,
API and registry carry drop-ins without knowing of them.

Rule 1: a unit without drop-ins keeps its options as they are, and so its text and its hash.
Rule 2: drop-ins stand after the unit's own options, by file name, as systemd reads them.
Rule 3: their `[X-Fleet]` is the cluster's business and becomes part of the unit's own; so does their
        `[Install]`, which systemd looks for in the file alone when it enables a unit by its path.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from units.grammar import InvalidUnitFile, Option
from units.spelling import SECTION as FLEET
from units.spelling import SPELLINGS

SUFFIX = ".conf"
MAX_NAME_BYTES = 255
"""What a file system takes for the name of a file."""
INSTALL = "Install"

_MARK = "X-DropIn"
_PREFIX = f"{_MARK} "

DropIns = Mapping[str, Sequence[Option]]
"""The options of drop-ins by file name. One without options masks another of its name, as in systemd."""


def name_objection(name: str) -> str | None:
    """Why a drop-in cannot be called so, or None when it can. The name is that of a file."""
    if not name.endswith(SUFFIX):
        return f"the name of a drop-in must end in {SUFFIX}"
    if name.startswith("."):
        return "the name of a drop-in must not begin with a dot: systemd skips hidden files"
    if len(name.encode("utf-8", "surrogateescape")) > MAX_NAME_BYTES:
        return f"the name of a drop-in is longer than {MAX_NAME_BYTES} bytes"
    if "/" in name or "]" in name or not name.isprintable():
        return 'the name of a drop-in must not hold "/", "]" or characters that cannot be printed'
    return None


def with_drop_ins(options: Iterable[Option], drop_ins: DropIns) -> tuple[Option, ...]:
    """The options of a unit with these drop-ins, each in place of one that it has under the same name.

    Raises InvalidUnitFile for a name that no drop-in may have.
    """
    own, carried = _parted(options)
    for name in sorted(drop_ins):
        if said := name_objection(name):
            raise InvalidUnitFile(f"{said}: {name!r}")
        own = _folded(own, drop_ins[name])
        carried[name] = [option for option in drop_ins[name] if option.section not in (FLEET, INSTALL)]
    return (*own, *(_marked(name, option) for name in sorted(carried) for option in carried[name]))


def drop_ins(options: Iterable[Option]) -> dict[str, list[Option]]:
    """The drop-ins among the options of a unit, in the order of their names."""
    carried = _parted(options)[1]
    return {name: carried[name] for name in sorted(carried)}


def in_effect(options: Iterable[Option]) -> Iterator[Option]:
    """The options as systemd comes to read them: the unit's own, then those of each drop-in."""
    own, carried = _parted(options)
    yield from own
    for name in sorted(carried):
        yield from carried[name]


def carries_drop_ins(options: Iterable[Option]) -> bool:
    """Whether there is a drop-in among the options of a unit."""
    return any(_address(option.section) for option in options if option.section.startswith(_PREFIX))


def check_drop_ins(options: Iterable[Option]) -> None:
    """Raise InvalidUnitFile for a section that is to be one of a drop-in, and cannot be."""
    for section in dict.fromkeys(option.section for option in options):
        if (section == _MARK or section.startswith(_PREFIX)) and (said := _section_objection(section)):
            raise InvalidUnitFile(f"section [{section}]: {said}")


def _section_objection(section: str) -> str | None:
    name, slash, inner = section.removeprefix(_MARK).removeprefix(" ").partition("/")
    if not slash:
        return f"it must be called [{_PREFIX}NAME{SUFFIX}/SECTION]"
    if inner in (FLEET, INSTALL):
        return f"[{inner}] of a drop-in belongs into that of its unit"
    if inner.startswith(_MARK):
        return "a drop-in has no drop-ins"
    return name_objection(name)


def _parted(options: Iterable[Option]) -> tuple[list[Option], dict[str, list[Option]]]:
    """The unit's own options, and those of its drop-ins by name."""
    own: list[Option] = []
    carried: dict[str, list[Option]] = {}
    for option in options:
        address = _address(option.section)
        if address is None:
            own.append(option)
        else:
            name, section = address
            carried.setdefault(name, []).append(Option(section, option.name, option.value))
    return own, carried


def _address(section: str) -> tuple[str, str] | None:
    """The drop-in, and its section, that a section of the unit stands for; None where it is its own."""
    if not section.startswith(_PREFIX):
        return None
    name, slash, inner = section.removeprefix(_PREFIX).partition("/")
    return (name, inner) if slash and name_objection(name) is None else None


def _marked(name: str, option: Option) -> Option:
    return Option(f"{_PREFIX}{name}/{option.section}", option.name, option.value)


def _folded(own: list[Option], theirs: Iterable[Option]) -> list[Option]:
    """The unit's own options with those of `[X-Fleet]` and `[Install]` of a drop-in after them.

    As in systemd, an empty value takes back what was said before, and where one value counts it is the last.
    """
    for option in theirs:
        if option.section == INSTALL:
            own = [*own, option]
        if option.section == FLEET:
            spellings = _spellings(option.name)
            if not option.value or option.name in SPELLINGS["MachineID"]:
                own = [o for o in own if o.section != FLEET or o.name not in spellings]
            own = [*own, option] if option.value else own
    return own


def _spellings(name: str) -> Sequence[str]:
    return next((all_of for all_of in SPELLINGS.values() if name in all_of), (name,))
