"""Which units there is something new about, and since when each is in its state."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from agent.host import UnitStatus

ENTERED = {
    "active": "ActiveEnterTimestamp",
    "reloading": "ActiveEnterTimestamp",
    "activating": "InactiveExitTimestamp",
    "deactivating": "ActiveExitTimestamp",
}
LEFT = "InactiveEnterTimestamp"
"""What dates the states in which a unit does not run."""


class Changes:
    """Names that wait to be looked at. `known` says whether a unit is fleet's: of others nothing is kept."""

    def __init__(self, known: Callable[[str], object]) -> None:
        self._known = known
        self._names: set[str] = set()
        self._some = asyncio.Event()
        self._times: dict[str, dict[str, float]] = {}

    def heard(self, name: str, properties: Mapping[str, Any]) -> None:
        """systemd says that a unit has changed."""
        if self._known(name) is None:
            return
        self.learn(name, properties)
        self.mark([name])

    def begin(self, name: str) -> None:
        """systemd will say all there is to know of this unit: there is no past to ask for."""
        self._times.setdefault(name, dict.fromkeys((LEFT, *ENTERED.values()), 0.0))

    def learn(self, name: str, properties: Mapping[str, Any]) -> None:
        """Keep the times among these properties of a unit: microseconds since the epoch, 0 for never."""
        for key in {LEFT, *ENTERED.values()} & properties.keys():
            self._times.setdefault(name, {})[key] = properties[key] / 1e6

    def undated(self, statuses: Mapping[str, UnitStatus]) -> Mapping[str, str]:
        """Those that systemd has said no time of yet, each with the property that holds it."""
        loaded = {name: status for name, status in statuses.items() if status.load == "loaded"}
        keys = {name: ENTERED.get(status.active, LEFT) for name, status in loaded.items()}
        return {name: key for name, key in keys.items() if key not in self._times.get(name, {})}

    def mark(self, names: Iterable[str]) -> None:
        """There is something new about these units."""
        self._names.update(names)
        if self._names:
            self._some.set()

    async def take(self) -> frozenset[str]:
        """Wait until there are some, and take them."""
        await self._some.wait()
        names, self._names = frozenset(self._names), set()
        self._some.clear()
        return names

    def dated(self, statuses: Mapping[str, UnitStatus]) -> Mapping[str, UnitStatus]:
        """The same, with the time each entered its state where systemd has said it."""
        for name in [name for name in self._times if self._known(name) is None]:
            del self._times[name]
        return {
            name: replace(
                status, since=self._times.get(name, {}).get(ENTERED.get(status.active, LEFT)) or None
            )
            for name, status in statuses.items()
        }
