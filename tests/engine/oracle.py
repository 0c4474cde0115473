"""The rules told a second time, as plainly as can be: what the planner's answers are measured by.

Nothing here is taken from the engine but its records, and nothing is indexed, ordered or remembered.
"""

from collections.abc import Iterator

from engine.cluster import Cluster, Unit
from engine.decisions import Amend, Award, Decision, Unschedule
from units.glob import glob_match
from units.placement import conflict_between


def residents(cluster: Cluster, machine: str) -> set[str]:
    """The ordinary units on the schedule of a machine that their owners want to run."""
    there = (name for name, by in cluster.schedule.items() if machine in by)
    return {n for n in there if (u := cluster.units.get(n)) and u.desired.is_placed and not u.is_global}


def can_run_global(cluster: Cluster, unit: Unit, machine: str) -> bool:
    """Whether a global unit may be on a machine at all."""
    return unit.desired.is_placed and unit.wants.metadata_met_by(cluster.machines[machine].metadata)


def surely_global(cluster: Cluster, machine: str) -> set[str]:
    """The global units that run on a machine whoever else is there: nobody conflicts with them."""
    here = {n for n, u in cluster.units.items() if u.is_global and can_run_global(cluster, u, machine)}
    others = here | residents(cluster, machine) | {n for n, u in cluster.units.items() if not u.is_global}
    return {g for g in here if not any(_conflict(cluster, g, other) for other in others)}


def unfit(cluster: Cluster, unit: Unit, machine: str) -> str | None:
    """What the machine itself lacks for a unit."""
    wanted = unit.wants.machine_id
    if wanted is not None and wanted != machine and wanted != machine[:8]:
        return "ID"
    for key, allowed in unit.wants.metadata:
        if cluster.machines[machine].metadata.get(key) not in allowed:
            return "metadata"
    return None


def wrong(cluster: Cluster) -> Iterator[str]:
    """The rules that a schedule breaks on machines that are present."""
    for machine in cluster.machines:
        there = residents(cluster, machine)
        for name in sorted(there):
            unit = cluster.units[name]
            if said := unfit(cluster, unit, machine):
                yield f"{name} is on {machine} without its {said}"
            for peer in unit.wants.machine_of:
                if peer not in there | possible_globals(cluster, machine) | unreadable(cluster, machine):
                    yield f"{name} is on {machine} without {peer}"
            for other in sorted(there):
                if name < other and _conflict(cluster, name, other):
                    yield f"{name} and {other} conflict on {machine}"
    for name, by in cluster.schedule.items():
        if len(by.keys() & cluster.machines.keys()) > 1 and name not in cluster.unreadable:
            yield f"{name} is on {sorted(by)}"


def possible_globals(cluster: Cluster, machine: str) -> set[str]:
    """The global units that may be on a machine."""
    return {n for n, u in cluster.units.items() if u.is_global and can_run_global(cluster, u, machine)}


def unreadable(cluster: Cluster, machine: str) -> set[str]:
    """The units on the schedule of a machine that nobody can read: they count as they are."""
    return {n for n, by in cluster.schedule.items() if machine in by and n in cluster.unreadable}


def has_place_for(cluster: Cluster, unit: Unit, machine: str) -> bool:
    """Whether nothing at all speaks against a unit on a machine, as the schedule is."""
    there = residents(cluster, machine) - {unit.name}
    either = there | possible_globals(cluster, machine)
    return (
        unfit(cluster, unit, machine) is None
        and all(peer in there | surely_global(cluster, machine) for peer in unit.wants.machine_of)
        and not any(glob_match(p, n) for p in unit.wants.conflicts for n in unreadable(cluster, machine))
        and not any(_conflict(cluster, unit.name, other) for other in either)
    )


def excuse(cluster: Cluster, decisions: tuple[Decision, ...], leaving: Unschedule) -> str | None:
    """A reason to take a unit from a machine that can be seen without the planner, or None."""
    unit, machine = cluster.units.get(leaving.name), leaving.machine
    if unit is None or unit.is_global or not unit.desired.is_placed:
        return "not wanted"
    if machine not in cluster.machines:
        gets_another = any(isinstance(d, Award) and d.entry.name == unit.name for d in decisions)
        has_another = cluster.schedule[unit.name].keys() & cluster.machines.keys()
        return "has another machine" if gets_another or has_another else None
    if len(cluster.schedule[unit.name].keys() & cluster.machines.keys()) > 1:
        return "on several machines"
    if said := unfit(cluster, unit, machine):
        return said
    gets_another = any(isinstance(d, Award) and d.entry.name == unit.name for d in decisions)
    if gets_another and in_trouble(cluster, unit.name, machine):
        return "its host cannot run it"
    there = residents(cluster, machine)
    gone = {d.name for d in decisions if isinstance(d, Unschedule) and d.machine == machine}
    here = (there - gone) | surely_global(cluster, machine) | unreadable(cluster, machine)
    if any(peer not in here for peer in unit.wants.machine_of):
        return "a peer is not there"
    around = there | possible_globals(cluster, machine)
    patterns = unit.wants.conflicts
    if any(glob_match(p, n) for p in patterns for n in unreadable(cluster, machine)):
        return "a conflict with what cannot be read"
    if any(_conflict(cluster, unit.name, other) for other in around):
        return "a conflict"
    if any(_replaces(cluster, other, unit.name) for other in there):
        return "replaced"
    return None


def in_trouble(cluster: Cluster, name: str, machine: str) -> bool:
    """Whether a host says that it has failed with the unit as it is told to run it, time and again."""
    report, entry = cluster.reports.get(name, {}).get(machine), cluster.schedule[name][machine]
    return report is not None and report.failures > 3 and report.hash == entry.hash


def unexcused(cluster: Cluster, decisions: tuple[Decision, ...]) -> list[Decision]:
    """The decisions that nothing in the cluster explains."""
    found: list[Decision] = []
    for decision in decisions:
        match decision:
            case Unschedule() if excuse(cluster, decisions, decision) is None:
                found.append(decision)
            case Award(entry) if cluster.schedule.get(entry.name, {}).keys() & cluster.machines.keys():
                if not any(isinstance(d, Unschedule) and d.name == entry.name for d in decisions):
                    found.append(decision)
            case Amend(entry) if cluster.schedule[entry.name][entry.machine] == entry:
                found.append(decision)
    return found


def _conflict(cluster: Cluster, one: str, other: str) -> bool:
    return conflict_between(one, cluster.units[one].wants, other, cluster.units[other].wants)


def _replaces(cluster: Cluster, one: str, other: str) -> bool:
    return any(glob_match(pattern, other) for pattern in cluster.units[one].wants.replaces)
