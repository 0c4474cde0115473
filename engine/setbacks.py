"""Hosts that cannot do what they are told about a unit, and how often it has been tried elsewhere.

Rule 1: what a service does is no reason: one that exits or fails stays where it is (fleet 1.0), and so does
        one whose own text systemd refuses, as it would anywhere.
Rule 2: a unit leaves such a host only for another one that takes it; if none does, it stays.
Rule 3: a host that a unit has left is its last choice for a while, twice as long each time; hosts that it has
        not been on come first.
Rule 4: each further move waits twice as long as the one before: what fails everywhere soon rests.
"""

from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import replace

from engine.cluster import STILL_THERE, Cluster, Unit
from engine.draft import Draft
from engine.memory import NOTHING_YET, Memory, Refusal, Setback
from registry.records import Answer, Report, ScheduleEntry

PATIENCE = 4
"""So many failures in a row make a host's trouble the engine's: with the agent's pauses, 3.5 s of them."""
FIRST_PAUSE = 10.0
"""Seconds from the first move of a unit to its second; doubled with each further one."""
FIRST_OFF = 60.0
"""Seconds for which the first host that a unit has left is its last choice; doubled with each further one."""
LONGEST = 86_400.0
"""Seconds; neither grows beyond a day."""
LOOK_AGAIN = 10.0
"""Seconds after which it is asked again who else could take a unit that nobody else could take."""
UNITS_OWN = frozenset({"bad-setting"})
"""systemd's load states that are about the text of a unit, and not about the host."""


Hindrance = tuple[str, str]
"""The machine that cannot run a unit, and what it says."""


def trouble(entry: ScheduleEntry, report: Report) -> str | None:
    """Why a host cannot do what it is told about a unit, again and again; None where that is not so."""
    if report.failures < PATIENCE or report.hash != entry.hash:
        return None
    if report.active in STILL_THERE or report.load in UNITS_OWN:
        return None
    return report.reason or "it does not say why"


class Hindered:
    """Units whose host is in trouble about them, kept from one cluster to the next."""

    def __init__(self) -> None:
        self.on: dict[str, Hindrance] = {}
        """By unit name."""

    def update(self, cluster: Cluster, names: Iterable[str]) -> None:
        """Look again at the units of which the unit, its places or its reports have changed."""
        for name in names:
            self.on.pop(name, None)
            unit, said = cluster.units.get(name), cluster.reports.get(name, {})
            if unit is None or unit.is_global or not unit.desired.is_placed:
                continue
            for machine, entry in sorted(cluster.schedule.get(name, {}).items()):
                if machine in said and (why := trouble(entry, said[machine])):
                    self.on[name] = machine, why


class Setbacks:
    """What one plan notes about units that hosts could not run, begun with the notes of the memory."""

    def __init__(self, memory: Memory, now: float) -> None:
        self._now = now
        self.of: dict[str, Setback] = dict(memory.setbacks)
        """By unit name."""

    def movable(
        self, hindered: Mapping[str, Hindrance], draft: Draft, auctions: Container[str]
    ) -> dict[str, Hindrance]:
        """The units that may leave a machine that cannot run them, or are about to."""
        return {
            name: (machine, said)
            for name, (machine, said) in hindered.items()
            if machine in draft.machines
            and machine in draft.places(name)
            and (name in auctions or self._of(name).again_at <= self._now)
        }

    def moved(self, unit: Unit, machine: str, reason: str) -> None:
        """A unit leaves a machine that cannot run it."""
        before = self._of(unit.name)
        times = 2**before.moves
        until = self._now + min(FIRST_OFF * times, LONGEST)
        off = {**before.off, machine: Refusal(reason, until, before.moves + 1)}
        again_at = self._now + min(FIRST_PAUSE * times, LONGEST)
        self.of[unit.name] = Setback(unit.hash, before.moves + 1, again_at, off)

    def stays(self, unit: Unit) -> None:
        """Nobody else takes a unit for now."""
        again_at = self._now + LOOK_AGAIN
        self.of[unit.name] = replace(self._of(unit.name), hash=unit.hash, again_at=again_at)

    def off(self, name: str) -> Mapping[str, Refusal]:
        """The machines that a unit has left and is still kept from, with what they said."""
        return {m: r for m, r in self._of(name).off.items() if r.until > self._now}

    def left(self, name: str) -> Mapping[str, Refusal]:
        """All that it has left."""
        return self._of(name).off

    def answers(self, name: str, but: Collection[str]) -> tuple[Answer, ...]:
        """What they said, but for some."""
        return tuple(Answer(m, refusal=r.reason) for m, r in sorted(self.off(name).items()) if m not in but)

    def keep_only(self, units: Mapping[str, Unit], hindered: Collection[str]) -> None:
        """Forget units that are gone or have other content, and those that are well and kept from nobody."""
        for name, setback in list(self.of.items()):
            unit = units.get(name)
            if unit is None or unit.hash != setback.hash or not (name in hindered or self.off(name)):
                del self.of[name]

    def ends(self, waiting: Collection[str], hindered: Collection[str]) -> Iterator[float]:
        """When hindered units may move, and when hosts are no longer the last choice of waiting ones."""
        for name in self.of.keys() & set(hindered):
            yield self.of[name].again_at
        for name in self.of.keys() & set(waiting):
            yield from (refusal.until for refusal in self.off(name).values())

    def _of(self, name: str) -> Setback:
        return self.of.get(name, NOTHING_YET)
