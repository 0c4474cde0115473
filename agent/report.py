"""What this host says of its units: systemd's words and the agent's memory, and what of it is news."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType

from agent.host import NOT_FOUND, Remembered, Stage, UnitStatus
from agent.troubles import Trouble
from registry.records import Report

SHOWN = frozenset({Stage.LOADED, Stage.LAUNCHED, Stage.STOPPING, Stage.LEAVING})
"""While it is being loaded there is nothing to say of a unit yet."""


NOT_LOADED = UnitStatus("error", "failed", "failed")
"""Of a unit that could not be loaded: what systemd says of its name is about something else, or nothing."""
NO_TROUBLE = Trouble("", "")


def reports(
    machine: str,
    names: Collection[str],
    statuses: Mapping[str, UnitStatus],
    remembered: Mapping[str, Remembered],
    published: Mapping[str, Report],
    now: float,
    troubles: Mapping[str, Trouble] = MappingProxyType({}),
) -> dict[str, Report]:
    """What there is to say of these units, as far as they are here. `now`: seconds since the epoch."""
    found = {}
    for name in names:
        memory, trouble = remembered.get(name), troubles.get(name, NO_TROUBLE)
        if trouble.loading and trouble.certain:
            hash, launched, status = trouble.hash, trouble.launched, NOT_LOADED
        elif memory is not None and memory.stage in SHOWN:
            hash, launched = memory.hash, memory.stage is Stage.LAUNCHED or memory.asked
            status = _troubled(statuses.get(name, NOT_FOUND), trouble)
        else:
            continue
        found[name] = Report(
            machine,
            name,
            hash,
            status.load,
            status.active,
            status.sub,
            launched,
            status.since or _since(published.get(name), status, now),
            trouble.reason,
            trouble.failures,
        )
    return found


def _troubled(status: UnitStatus, trouble: Trouble) -> UnitStatus:
    """A unit that was to be started and was not is no idle one, though systemd knows no other word for it."""
    refused = trouble.failures and trouble.certain and trouble.launched
    return replace(status, active="failed") if refused and status.active == "inactive" else status


def news(
    names: Collection[str], current: Mapping[str, Report], published: Mapping[str, Report]
) -> tuple[tuple[Report, ...], tuple[str, ...]]:
    """Of these names: the reports that others do not have yet, and the units that are here no longer."""
    fresh = tuple(current[name] for name in sorted(current) if published.get(name) != current[name])
    return fresh, tuple(sorted(set(names) - current.keys()))


def _since(before: Report | None, status: UnitStatus, now: float) -> float:
    """When the change was seen, where systemd does not say when it was."""
    return before.since if before and before.active == status.active else now
