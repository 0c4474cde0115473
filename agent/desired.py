"""What this machine has to run: its schedule, and the global units that fit (fleet 1.0, scheduling 6.2).

Rule 1: a unit whose desired state is inactive counts for nothing, here and against others (in the
        original it took down what it conflicts with).
Rule 2: of two units that conflict the name that sorts first wins, whoever came first and whether they are
        global or scheduled. Of scheduled ones nothing else is checked: that is the engine's part.
Rule 3: unknown is not unwanted: a unit whose record or content cannot be read is unclear, and is left alone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
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


def candidates(picture: Picture, machine: str) -> dict[str, Wanted]:
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


def desired(
    picture: Picture, machine: str, found: Mapping[str, Wanted], known: Mapping[str, Requirements]
) -> Desired | None:
    """What is to be here, or None while the registry has no record of this machine.

    `found` are the `candidates`, and `known` what they ask for, by name, as far as their contents are there.
    """
    me = picture.machines.get(machine)
    if me is None:
        return None
    draft = _Draft(me)
    for name, want in sorted(found.items()):
        draft.consider(name, want, known.get(name), is_global=name in picture.jobs)
    unclear = frozenset(key.rpartition("/")[2] for key in picture.broken)
    return Desired(draft.wanted, draft.objections, unclear | draft.unclear)


class KnownRequirements:
    """What the candidates ask for in [X-Fleet], read once for each content."""

    def __init__(self, unit_file: Callable[[str], Awaitable[UnitFile | None]]) -> None:
        """`unit_file` finds the content of a hash, and may raise what it likes."""
        self._unit_file = unit_file
        self._known: dict[tuple[str, str], Requirements] = {}

    async def of(self, wanted: Mapping[str, Wanted]) -> dict[str, Requirements]:
        """What each of these asks for, as far as its content is there; others are forgotten."""
        keys = [(name, want.hash) for name, want in wanted.items()]
        self._known = {key: self._known[key] for key in keys if key in self._known}
        news = [key for key in keys if key not in self._known]
        for (name, hash), file in zip(news, await asyncio.gather(*map(self._read, news)), strict=True):
            if file is not None:
                self._known[name, hash] = Requirements.of(name, file.options)
        return {name: requirements for (name, _), requirements in self._known.items()}

    async def _read(self, key: tuple[str, str]) -> UnitFile | None:
        return await self._unit_file(key[1])


class _Draft:
    """The list of what is to be here, while it is made."""

    def __init__(self, me: Machine) -> None:
        self._me = me
        self._there = ResidentSet()
        self.wanted: dict[str, Wanted] = {}
        self.objections: dict[str, str] = {}
        self.unclear: set[str] = set()

    def consider(self, name: str, want: Wanted, wants: Requirements | None, *, is_global: bool) -> None:
        """Put a unit on the list, unless something speaks against it."""
        if is_global and wants is None:
            self.unclear.add(name)
            return
        wants = wants or EMPTY
        rule = global_objection if is_global else holds_conflict
        if said := rule(name, wants, self._me, self._there):
            self.objections[name] = said
            return
        self.wanted[name] = want
        self._there.add(name, wants)
