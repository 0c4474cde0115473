"""What this machine has to run: its schedule, and the global units that fit (fleet 1.0, scheduling 6.2).

Rule 1: a unit whose desired state is inactive counts for nothing, here and against others (in the
        original it took down what it conflicts with).
Rule 2: between a global unit and anything it conflicts with, the name that sorts first wins. Two
        scheduled units that conflict are the engine's to part.
Rule 3: unknown is not unwanted: a unit whose record or content cannot be read is unclear, and is left alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.plan import Wanted
from registry.records import Picture
from units.file import UnitFile
from units.machine import Machine
from units.placement import ResidentSet, global_objection, holds_conflict
from units.requirements import EMPTY, Requirements


@dataclass(frozen=True, slots=True)
class Desired:
    """What is to be here."""

    wanted: Mapping[str, Wanted] = field(default_factory=dict)
    objections: Mapping[str, str] = field(default_factory=dict)
    """Global and scheduled units that do not run here, each with the reason."""
    unclear: frozenset[str] = frozenset()
    """Units of which it is not known whether they are wanted."""


def contents_needed(picture: Picture, machine: str) -> frozenset[str]:
    """The hashes of the unit files that `desired` asks for: none, unless there are global units."""
    names = _candidates(picture, machine)
    if not any(name in picture.jobs for name in names):
        return frozenset()
    return frozenset(candidate.hash for candidate in names.values())


def desired(picture: Picture, machine: str, files: Mapping[str, UnitFile]) -> Desired | None:
    """What is to be here, or None while the registry has no record of this machine.

    `files` are those of `contents_needed`, by hash, as far as the registry has them.
    """
    me = picture.machines.get(machine)
    if me is None:
        return None
    draft = _Draft(me)
    candidates = _candidates(picture, machine)
    for name in sorted(candidates):
        wants = _requirements(name, files.get(candidates[name].hash))
        draft.consider(name, candidates[name], wants, is_global=name in picture.jobs)
    unclear = frozenset(key.rpartition("/")[2] for key in picture.broken)
    return Desired(draft.wanted, draft.objections, unclear | draft.unclear)


def _candidates(picture: Picture, machine: str) -> dict[str, Wanted]:
    """What is scheduled here, and all global units. A unit that has become global counts as global."""
    scheduled = {
        name: Wanted(entry.hash, entry.desired, entry.version)
        for name, entries in picture.schedule.items()
        if (entry := entries.get(machine)) is not None
    }
    everywhere = {
        name: Wanted(job.hash, job.desired, job.version)
        for name, job in picture.jobs.items()
        if job.is_global
    }
    return {name: want for name, want in (scheduled | everywhere).items() if want.state.is_placed}


def _requirements(name: str, file: UnitFile | None) -> Requirements | None:
    return None if file is None else Requirements.of(name, file.options)


class _Draft:
    """The list of what is to be here, while it is made."""

    def __init__(self, me: Machine) -> None:
        self._me = me
        self._all = ResidentSet()
        self._globals = ResidentSet()
        self.wanted: dict[str, Wanted] = {}
        self.objections: dict[str, str] = {}
        self.unclear: set[str] = set()

    def consider(self, name: str, want: Wanted, wants: Requirements | None, *, is_global: bool) -> None:
        """Put a unit on the list, unless something speaks against it."""
        if is_global and wants is None:
            self.unclear.add(name)
            return
        wants = wants or EMPTY
        rule, beside = (global_objection, self._all) if is_global else (holds_conflict, self._globals)
        if said := rule(name, wants, self._me, beside):
            self.objections[name] = said
            return
        self.wanted[name] = want
        self._all.add(name, wants)
        if is_global:
            self._globals.add(name, wants)
