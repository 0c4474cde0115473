"""From etcd v2 to etcd v3: what is to be copied, the copying, and whether both say the same then.

Rule 1: nothing is ever written to the store that is copied from.
Rule 2: only what differs is written, so copying again goes on where it was interrupted.
Rule 3: where units run is copied too, so that nothing moves; that takes the lead, which nobody else may have.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace

from fleetctl.errors import FleetctlError
from registry.errors import RegistryError
from registry.open import Settings, open_registry
from registry.port import Displace, EngineWrite, Everything, Place, Registry
from registry.records import Job, Leader, Picture
from units.file import UnitFile

LEADER = "fleetctl-migrate"
LEASE = 10.0
"""Seconds; the lead is given back as soon as the copy is done."""


class CannotMigrate(FleetctlError):
    """The stores are not ready for it; the text says what to do first."""


@dataclass(frozen=True, slots=True)
class Copy:
    """What has to be written to make the second store say what the first does."""

    jobs: tuple[tuple[Job, UnitFile, Job | None], ...]
    """Each with its content, and as it is in the second store."""
    metadata: tuple[tuple[str, dict[str, str]], ...]
    schedule: tuple[EngineWrite, ...]

    @property
    def size(self) -> int:
        """How many writes that are."""
        return len(self.jobs) + len(self.metadata) + len(self.schedule)


def copy_of(source: Picture, target: Picture) -> Copy:
    """What the second store lacks."""
    jobs = tuple(
        (replace(job, version=0), source.files[job.hash], target.jobs.get(name))
        for name, job in sorted(source.jobs.items())
        if job.hash in source.files
        and (target.jobs.get(name) != job or source.files[job.hash] != target.files.get(job.hash))
    )
    missing = (
        (machine, {key: value for key, value in values.items() if _value(target, machine, key) != value})
        for machine, values in sorted(source.dynamic.items())
    )
    return Copy(jobs, tuple(pair for pair in missing if pair[1]), tuple(_schedule(source, target)))


def _schedule(source: Picture, target: Picture) -> Iterator[EngineWrite]:
    for name, entries in sorted(source.schedule.items()):
        there = target.schedule.get(name, {})
        yield from (Displace(machine, name) for machine in sorted(there.keys() - entries.keys()))
        for machine, entry in sorted(entries.items()):
            if name in source.jobs and there.get(machine) != entry:
                yield Place(entry)


def _value(picture: Picture, machine: str, key: str) -> str | None:
    return picture.dynamic.get(machine, {}).get(key)


def lost(source: Picture) -> tuple[str, ...]:
    """What cannot be copied, because it cannot be read; in words."""
    contents = (
        f"unit {name}: its content {job.hash} is missing"
        for name, job in sorted(source.jobs.items())
        if job.hash not in source.files
    )
    return (*contents, *(f"{key} {fault}" for key, fault in sorted(source.broken.items())))


def differences(source: Picture, target: Picture) -> tuple[str, ...]:
    """What the second store says otherwise than the first, in words."""
    left = copy_of(source, target)
    return (
        *(f"unit {job.name} is {'another' if seen else 'missing'}" for job, _, seen in left.jobs),
        *(f"machine {machine}: {', '.join(values)} differ" for machine, values in left.metadata),
        *(f"unit {_unit(write)} is scheduled otherwise" for write in left.schedule),
        *(
            f"unit {name} is not in the first store"
            for name in sorted(target.jobs.keys() - source.jobs.keys())
        ),
    )


def _unit(write: EngineWrite) -> str:
    match write:
        case Place(entry):
            return entry.name
        case Displace(_, name):
            return name
        case _:
            raise AssertionError(write)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has been found, and done."""

    copy: Copy
    lost: tuple[str, ...]
    differences: tuple[str, ...]
    """Those that are left; with nothing written, all of them."""


async def migrate(source: Settings, target: Settings, *, write: bool) -> Outcome:
    """Copy all of one store to the other, or with `write` unset only compare. Raises CannotMigrate."""
    stores = open_registry(source), open_registry(target)
    try:
        return await _migrated(*stores, write=write, patience=5 * source.request_timeout)
    except RegistryError as error:
        raise CannotMigrate(str(error) or type(error).__name__) from error
    finally:
        for store in stores:
            await store.close()


async def _migrated(source: Registry, target: Registry, *, write: bool, patience: float) -> Outcome:
    async def both() -> tuple[Picture, Picture]:
        return await _look(source, patience, "etcd v2"), await _look(target, patience, "etcd v3")

    pictures = await both()
    copy = copy_of(*pictures)
    if write:
        _check(*pictures)
        await _write(copy, target, patience)
        pictures = await both()
    return Outcome(copy, lost(pictures[0]), differences(*pictures))


def _check(source: Picture, target: Picture) -> None:
    """Whether nobody moves units while they are copied. Raises CannotMigrate."""
    if target.leader is not None and target.leader.machine != LEADER:
        raise CannotMigrate(
            f"the engine of {target.leader.machine} leads in the store that is copied to: "
            "units are placed there, and it would be told of old wishes (compare only: --verify)"
        )
    if source.leader is not None:
        raise CannotMigrate(
            f"the engine of {source.leader.machine} leads in the store that is copied from: "
            "it would move units when hosts are switched "
            "(first set disable_engine=true on all hosts and restart fleet there)"
        )


async def _write(copy: Copy, target: Registry, patience: float) -> None:
    for job, file, seen in copy.jobs:
        await target.save(job, file, seen=seen)
    for machine, values in copy.metadata:
        await target.set_metadata(machine, values)
    if copy.schedule:
        async with asyncio.timeout(patience) as waiting, target.campaign(Leader(LEADER), ttl=LEASE) as lead:
            waiting.reschedule(None)
            await lead.commit(copy.schedule)
            await lead.resign()


async def _look(registry: Registry, patience: float, which: str) -> Picture:
    """All that a store holds now. Raises CannotMigrate, which says which of both it was."""
    try:
        await registry.job("migrate.service")  # any name: a view would wait for a store that does not answer
        async with asyncio.timeout(patience), registry.follow(Everything()) as view:
            return await view.fresh()
    except RegistryError as error:
        raise CannotMigrate(f"{which}: {error or type(error).__name__}") from error
    except TimeoutError as error:
        raise CannotMigrate(f"{which} cannot be read within {patience:g} s (--request-timeout)") from error
