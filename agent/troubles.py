"""What this host could not do of what it was told, until it can: so that nobody waits in the dark."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with one unit on this host."""

    hash: str
    """The content that is wanted; empty where none is."""
    reason: str
    failures: int = 0
    """How often in a row it was tried in vain."""
    launched: bool = False
    """The unit is to be started here."""
    loading: bool = False
    """It did not come as far as being loaded: what systemd says of the name is about something else."""
    certain: bool = True
    """It has failed; without it, this may pass by itself before anybody needs to know of a failure."""
    of_job: bool = False
    """systemd's own job failed, which is not tried again: over when the unit is active."""


class Troubles:
    """The troubles of one host, and which of them are new."""

    def __init__(self) -> None:
        self._of: dict[str, Trouble] = {}
        self._new: set[str] = set()
        self._some = asyncio.Event()

    def all(self) -> Mapping[str, Trouble]:
        """By unit name, as they are now."""
        return dict(self._of)

    def put(self, name: str, trouble: Trouble) -> None:
        """This is what is wrong with a unit now."""
        if self._of.get(name) != trouble:
            self._of[name] = trouble
            self._mark(name)

    def over(self, name: str) -> None:
        """Nothing is wrong with a unit any more."""
        if self._of.pop(name, None) is not None:
            self._mark(name)

    def keep(self, busy: Collection[str], wanted: Collection[str]) -> None:
        """Forget those of units that nothing is left to be done about."""
        for name, trouble in list(self._of.items()):
            if name not in busy and not (trouble.of_job and name in wanted):
                self.over(name)

    def active(self, names: Collection[str]) -> None:
        """These units are active, whatever became of the job that was to start them."""
        for name in names:
            if (trouble := self._of.get(name)) and trouble.of_job:
                self.over(name)

    async def changed(self) -> frozenset[str]:
        """Wait until there is something new about some units, and return their names."""
        await self._some.wait()
        names, self._new = frozenset(self._new), set()
        self._some.clear()
        return names

    def _mark(self, name: str) -> None:
        self._new.add(name)
        self._some.set()
