"""Units that are to leave the machine they are on for another one, in one plan.

Rule 1: such a unit leaves only when another host takes it; if none does, it stays and the reason is told.
Rule 2: one that may run is stopped first, and then offered to all: there never are two copies.
"""

from collections.abc import Collection, Iterator, Mapping, Set

from engine.cluster import Unit
from engine.decisions import Unschedule
from engine.leave import unable
from engine.residence import Residence
from engine.setbacks import Hindrance, Setbacks


class Movers:
    """Those whom another unit pushes off, and those that their host cannot run."""

    def __init__(self, residence: Residence, setbacks: Setbacks, auctions: Collection[str]) -> None:
        """`auctions` has the names of the units that are offered."""
        self._residence = residence
        self._setbacks = setbacks
        hindered = setbacks.movable(residence.hindered.on, residence.draft, auctions)
        self._pushed = {name: why for name, why in residence.pushed().items() if name not in hindered}
        self._why: Mapping[str, Hindrance] = hindered | self._pushed

    def __contains__(self, name: object) -> bool:
        return name in self._why

    @property
    def names(self) -> Set[str]:
        """All of them."""
        return self._why.keys()

    @property
    def pushed(self) -> Set[str]:
        """Those whom another unit pushes off: they may run."""
        return self._pushed.keys()

    def machine(self, name: str) -> str | None:
        """The machine that a unit is to leave, None for one that is not to leave any."""
        return self._why[name][0] if name in self._why else None

    def reason(self, name: str) -> str:
        """Why it is to leave it."""
        return self._why[name][1]

    def need(self, name: str) -> str:
        """Why a unit needs a place, to be told with an offer."""
        machine, said = self._why[name]
        if name in self._pushed:
            return unable(machine, said)
        return f"Machine({machine}) is unable to run unit"

    def stays(self, unit: Unit) -> None:
        """Nobody else takes a unit for now."""
        if unit.name not in self._pushed:
            self._setbacks.stays(unit)

    def take_off(self, unit: Unit) -> Iterator[Unschedule]:
        """Take a unit from the machine that it is to leave, with all who follow."""
        machine, said = self._why.get(unit.name, ("", ""))
        if machine in self._residence.draft.places(unit.name):
            self._residence.draft.take(unit.name, machine)
            if unit.name not in self._pushed:
                self._setbacks.moved(unit, machine, said)
            yield Unschedule(unit.name, machine, unable(machine, said))
            yield from self._residence.following(unit.name, machine)
