"""What this host says of its units: systemd's words and the agent's memory, and what of it is news."""

from collections.abc import Collection, Mapping

from agent.host import NOT_FOUND, Remembered, Stage, UnitStatus
from registry.records import Report

SHOWN = frozenset({Stage.LOADED, Stage.LAUNCHED, Stage.STOPPING, Stage.LEAVING})
"""While it is being loaded there is nothing to say of a unit yet."""


def reports(
    machine: str,
    names: Collection[str],
    statuses: Mapping[str, UnitStatus],
    remembered: Mapping[str, Remembered],
    published: Mapping[str, Report],
    now: float,
) -> dict[str, Report]:
    """What there is to say of these units, as far as they are here. `now`: seconds since the epoch."""
    found = {}
    for name in names:
        memory = remembered.get(name)
        if memory is None or memory.stage not in SHOWN:
            continue
        status = statuses.get(name, NOT_FOUND)
        since = status.since or _since(published.get(name), status, now)
        launched = memory.stage is Stage.LAUNCHED or memory.asked
        found[name] = Report(
            machine, name, memory.hash, status.load, status.active, status.sub, launched, since
        )
    return found


def news(
    names: Collection[str], current: Mapping[str, Report], published: Mapping[str, Report]
) -> tuple[tuple[Report, ...], tuple[str, ...]]:
    """Of these names: the reports that others do not have yet, and the units that are here no longer."""
    fresh = tuple(current[name] for name in sorted(current) if published.get(name) != current[name])
    return fresh, tuple(sorted(set(names) - current.keys()))


def _since(before: Report | None, status: UnitStatus, now: float) -> float:
    """When the change was seen, where systemd does not say when it was."""
    return before.since if before and before.active == status.active else now
