"""From a verb and what exists to what is to be done. Pure.

Rule 1: the answer is complete before anything is done: errors come from here, not halfway.
Rule 2: messages are those of fleet 1.0 where it had one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fleetctl.entities import INACTIVE, LAUNCHED, LOADED, Unit
from fleetctl.errors import BadUnit
from fleetctl.inspection import place_of
from units.file import InvalidUnitFile, Option, UnitFile
from units.name import InvalidName, check_name, parse_name
from units.requirements import InvalidRequirements, check_requirements, near_miss, unknown_options

REPLACEABLE = {
    "submit": frozenset({INACTIVE}),
    "load": frozenset({INACTIVE, LOADED}),
    "start": frozenset({INACTIVE, LOADED, LAUNCHED}),
}
"""The desired states in which each verb may replace a unit."""

Texts = Sequence[tuple[str, str]]
"""Local files that a unit is made of, each its path and its text; the unit file itself first."""


@dataclass(frozen=True, slots=True)
class DropIn:
    """A drop-in on disk; without options it masks another of its name."""

    path: str
    text: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file on disk: what it holds with its drop-ins, or why it cannot be used."""

    path: str
    text: str
    content: UnitFile | BadUnit
    drop_ins: tuple[DropIn, ...] = ()

    @property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """All that was read, each with its path."""
        return ((self.path, self.text), *((one.path, one.text) for one in self.drop_ins))


@dataclass(frozen=True, slots=True)
class Candidate:
    """All that is known about one unit that is to exist; of its template only where that can matter."""

    name: str
    path: str
    unit: Unit | None = None
    file: LocalFile | None = None
    template: str = ""
    template_unit: Unit | None = None
    template_file: LocalFile | None = None
    instance_file: LocalFile | None = None
    """The template on disk as the instance has it: with the drop-ins of both."""
    drop_ins: Mapping[str, DropIn] | BadUnit = field(default_factory=dict)
    """The instance's own, which a template in the cluster lacks."""

    @property
    def on_disk(self) -> LocalFile | None:
        """What the unit is by the files here."""
        return self.file or self.instance_file or self.template_file


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is to be done about one unit before its state is changed. Without content it is left as it is."""

    name: str
    content: UnitFile | None = None
    replaces: bool = False
    results: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def arrival(found: Candidate, verb: str, *, replace: bool, force: bool = False) -> Arrival:
    """What `verb` does about the unit; BadUnit with the reason if it cannot be done."""
    if found.unit is None:
        return _creation(found, replace=replace, force=force)
    file = found.on_disk
    if replace:
        return _replacement(found, found.unit, file, verb, force=force)
    if file is None or isinstance(file.content, BadUnit) or file.content.hash == found.unit.file.hash:
        return Arrival(found.name)
    kind = "unit file" if file is found.file else "template unit file"
    return Arrival(found.name, warnings=(_differs(found.name, kind, found.path),))


def _creation(found: Candidate, *, replace: bool, force: bool) -> Arrival:
    _check_name(found.name)
    warnings: tuple[str, ...] = ()
    if found.file is not None:
        texts: Texts = found.file.texts
        content = _read(found.file, f"failed getting Unit({found.path}) from file")
    elif not found.template:
        raise BadUnit(f"unable to find Unit({found.name}) in Registry or on filesystem")
    else:
        texts, content = _template(found)
        if found.template_unit and not replace and _other(found.template_file, found.template_unit.file):
            warnings = (_differs(found.template, "template unit file", found.path),)
    return Arrival(
        found.name, content, warnings=(*warnings, *_check(found.name, content, texts, force=force))
    )


def _template(found: Candidate) -> tuple[Texts, UnitFile]:
    """What an instance is made of: the local texts that take part in it, and the content."""
    failed = f"failed getting Unit({found.path}) from template"
    if found.template_unit is not None:
        return _with_own_drop_ins(found, found.template_unit.file, failed)
    file = found.on_disk
    if file is None:
        raise BadUnit(
            f"{failed}: unable to find template Unit({found.template}) in Registry or on filesystem"
        )
    return file.texts, _read(file, f"{failed}: unable to load template Unit({found.template}) from file")


def _with_own_drop_ins(found: Candidate, template: UnitFile, failed: str) -> tuple[Texts, UnitFile]:
    if isinstance(found.drop_ins, BadUnit):
        raise BadUnit(f"{failed}: {found.drop_ins}") from found.drop_ins
    texts = tuple((one.path, one.text) for one in found.drop_ins.values())
    try:
        return texts, template.with_drop_ins({name: one.options for name, one in found.drop_ins.items()})
    except InvalidUnitFile as error:
        raise BadUnit(f"{failed}: {error}") from error


def _replacement(found: Candidate, unit: Unit, file: LocalFile | None, verb: str, *, force: bool) -> Arrival:
    if file is None:
        raise BadUnit(_nothing_to_replace_with(found))
    content = _read(file, f"failed getting Unit({file.path}) from file")
    if content.hash == unit.file.hash:
        said = f"Found same Unit({found.name}) in Registry, nothing to do"
        return Arrival(found.name, results=(said,))
    if unit.desired not in REPLACEABLE[verb]:
        said = f"can not replace Unit({found.name}) in state '{unit.desired}', use the appropriate command"
        return Arrival(found.name, warnings=(f"Warning: {said}",))
    return Arrival(
        found.name, content, replaces=True, warnings=_check(found.name, content, file.texts, force=force)
    )


def _nothing_to_replace_with(found: Candidate) -> str:
    if not found.template:
        return f"error Unit {found.path} does not seem to be a template unit"
    directory, slash, _ = found.path.rpartition("/")
    return f"stat {directory}{slash}{found.template}: no such file or directory"


def _read(file: LocalFile, failed: str) -> UnitFile:
    if isinstance(file.content, BadUnit):
        raise BadUnit(f"{failed}: {file.content}") from file.content
    return file.content


def _other(file: LocalFile | None, content: UnitFile) -> bool:
    return file is not None and isinstance(file.content, UnitFile) and file.content.hash != content.hash


def _differs(name: str, kind: str, path: str) -> str:
    return f"WARNING: Unit {name} in registry differs from local {kind} {path}. Add --replace to override."


def _check_name(name: str) -> None:
    try:
        check_name(name)
    except InvalidName as error:
        raise BadUnit(f'{error} ("{name}")') from error


def _check(name: str, content: UnitFile, texts: Texts, *, force: bool) -> tuple[str, ...]:
    """The warnings about a unit that can be stored; BadUnit if it cannot."""
    where = texts[0][0] if texts else f"Unit {name}"
    if not content.options:
        refusal = "googleapi: Error 409: unit does not exist and options field empty"
        raise BadUnit(f"failed creating unit {name}: {refusal} (unit file {where} holds no options)")
    try:
        check_requirements(content.options)
    except InvalidRequirements as error:
        raise BadUnit(f"{error} ({where})") from error
    return tuple(_unknown(name, option, texts, force=force) for option in unknown_options(content.options))


def _unknown(name: str, option: str, texts: Texts, *, force: bool) -> str:
    """The warning about an option of [X-Fleet] of no meaning; BadUnit if it is a typo in a local file."""
    said = f'Unit {name}: unrecognized requirement in [X-Fleet] section: "{option}"'
    where = place_of(option, texts)
    if where is None:  # from a template in the cluster, which has been let in before
        return said
    meant = near_miss(option)
    if meant is not None and not force:
        raise BadUnit(
            f'{where}: unknown option "{option}" in [X-Fleet]: did you mean "{meant}"? (--force to keep it)'
        )
    return f"{said} ({where})"


def check_can_start(names: Iterable[str]) -> None:
    """BadUnit, in the words of the API, for the first that is a template."""
    for name in names:
        parts = parse_name(name)
        if parts is not None and parts.is_template:
            raise BadUnit(f'googleapi: Error 400: cannot activate template "{name}"')


@dataclass(frozen=True, slots=True)
class Departure:
    """What `stop` or `unload` does: these units get the desired state; those of `waited` are waited for."""

    desired: str
    changed: tuple[Unit, ...] = ()
    waited: tuple[str, ...] = ()
    refusal: str = ""


def departure(verb: str, units: Sequence[Unit]) -> Departure:
    """What `stop` or `unload` does about these units, up to the first that cannot be stopped (fleet 1.0)."""
    desired = LOADED if verb == "stop" else INACTIVE
    changed: list[Unit] = []
    for unit in units:
        if verb == "stop" and not unit.is_global and unit.current == INACTIVE:
            refusal = f"Unable to stop unit {unit.name} in state inactive"
            return Departure(desired, tuple(changed), (), refusal)
        if _leaves(verb, unit):
            changed.append(unit)
    return Departure(desired, tuple(changed), tuple(u.name for u in changed if not u.is_global))


def _leaves(verb: str, unit: Unit) -> bool:
    if unit.is_global:
        return True
    if verb == "stop":
        return unit.current != LOADED or unit.desired == LAUNCHED
    # One that waits for a machine would be started later: 1.0 skipped it, and it came up after all.
    return unit.current != INACTIVE or unit.desired != INACTIVE
