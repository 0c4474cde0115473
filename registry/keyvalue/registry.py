"""The registry over any store that keeps `registry.keyvalue.store.Store`."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Final, TypeVar

from registry import codec
from registry.errors import Conflict, Lost, Occupied, Unavailable
from registry.keys import Key, Keys, Kind
from registry.keyvalue import writes
from registry.keyvalue.leadership import LeaseLeadership
from registry.keyvalue.lease import Lease
from registry.keyvalue.session import LeaseSession, parsed_token
from registry.keyvalue.store import Store, Stored
from registry.keyvalue.transactions import Transaction
from registry.port import Scope, View
from registry.records import Job, Leader, Verdict
from units.file import UnitFile
from units.machine import Machine

log = logging.getLogger(__name__)

T = TypeVar("T")

FILES_REMEMBERED: Final = 4096
FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 2.0
ATTEMPTS_TO_APPEAR: Final = 3


class KeyValueRegistry:
    """See `registry.port.Registry`."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys
        self._files: OrderedDict[str, UnitFile] = OrderedDict()
        self._strays: set[int] = set()
        """Leases under which this registry may have made a machine present without learning of it."""

    @property
    def steady_since(self) -> float:
        return self._store.steady_since

    def follow(self, scope: Scope) -> AbstractAsyncContextManager[View]:
        return self._store.follow(self._keys, scope)

    @asynccontextmanager
    async def join(
        self, machine: Machine, *, ttl: float, resume: str | None = None
    ) -> AsyncIterator[LeaseSession]:
        session = await self._resumed(machine, resume) if resume else None
        if session is None:
            session = await self._appeared(machine, ttl)
        async with session.lease.kept():
            yield session

    @asynccontextmanager
    async def campaign(self, leader: Leader, *, ttl: float) -> AsyncIterator[LeaseLeadership]:
        leadership = await self._won(leader, ttl)
        async with leadership.lease.kept():
            yield leadership

    async def job(self, name: str) -> Job | None:
        for is_global, stored in zip((False, True), await self._both(name), strict=True):
            if stored is not None:
                return self._read_job(name, stored, is_global=is_global)
        return None

    async def verdict(self, name: str) -> Verdict | None:
        (stored,) = await self._store.read(self._keys.verdict(name))
        if stored is None:
            return None
        try:
            return codec.read_verdict(name, stored.value)
        except codec.Corrupt as error:
            log.warning("%s %s", self._keys.verdict(name), error)
            return None

    async def unit_file(self, hash: str) -> UnitFile | None:
        if (file := self._files.get(hash)) is not None:
            self._files.move_to_end(hash)
            return file
        (stored,) = await self._store.read(self._keys.unit(hash))
        if stored is None:
            return None
        try:
            file = codec.read_file(hash, stored.value)
        except codec.Corrupt as error:
            log.warning("%s %s", self._keys.unit(hash), error)
            return None
        self._remember(file)
        return file

    async def save(self, job: Job, file: UnitFile | None, *, seen: Job | None) -> int:
        revision = await self._expecting(writes.save(self._keys, job, file, seen), job.name, seen)
        if file is not None:
            self._remember(file)
        return revision

    async def destroy(self, seen: Job) -> int:
        return await self._expecting(writes.destroy(self._keys, seen), seen.name, seen)

    async def clear(self, name: str) -> bool:
        found = zip((False, True), await self._both(name), strict=True)
        versions = {
            is_global: stored.modified
            for is_global, stored in found
            if stored is not None and self._read_job(name, stored, is_global=is_global) is None
        }
        if not versions:
            return False
        outcome = await self._store.commit(writes.clear(self._keys, name, versions))
        if not outcome.took_place:
            raise Conflict(f"{name} has been changed meanwhile")
        return True

    async def set_metadata(self, machine: str, values: Mapping[str, str]) -> int:
        revision = 0
        for transaction in writes.set_metadata(self._keys, machine, values):
            revision = (await self._store.commit(transaction)).revision
        return revision or await self._store.revision()

    async def close(self) -> None:
        await self._store.close()

    # Jobs

    async def _both(self, name: str) -> tuple[Stored | None, ...]:
        """What is stored of a name as a job, and as a global one."""
        return await self._store.read(*(self._keys.job(name, is_global=g) for g in (False, True)))

    def _read_job(self, name: str, stored: Stored, *, is_global: bool) -> Job | None:
        key = Key(Kind.GLOBAL if is_global else Kind.JOB, name)
        try:
            return codec.read_job(key, stored.value, is_global=is_global, version=stored.modified)
        except codec.Corrupt as error:
            log.warning("%s %s", self._keys.job(name, is_global=is_global), error)
            return None

    async def _expecting(self, transaction: Transaction, name: str, seen: Job | None) -> int:
        outcome = await self._store.commit(transaction)
        if outcome.took_place:
            return outcome.revision
        raise Conflict(
            f"{name} has been changed or destroyed meanwhile" if seen else f"{name} exists already"
        )

    def _remember(self, file: UnitFile) -> None:
        self._files[file.hash] = file
        if len(self._files) > FILES_REMEMBERED:
            self._files.popitem(last=False)

    # Presence

    async def _resumed(self, machine: Machine, token: str) -> LeaseSession | None:
        """The session of an earlier daemon of this host, or None when it is over."""
        if (parsed := parsed_token(token)) is None:
            return None
        id, created = parsed
        (stored,) = await self._store.read(self._keys.machine(machine.id))
        if stored is None or (stored.lease, stored.created) != (id, created):
            return None
        if (lease := await self._store.adopt(id)) is None:
            return None
        session = self._session(machine, lease, created)
        try:
            if stored.value != codec.encode_machine(machine):
                await session.renew(machine)
        except Lost:
            return None
        log.info("resumed: machine %s was present all the time", machine.id)
        return session

    async def _appeared(self, machine: Machine, ttl: float) -> LeaseSession:
        """A session of its own, under a new lease."""
        for _ in range(ATTEMPTS_TO_APPEAR):
            lease = await self._store.grant(ttl)
            if created := await self._made_present(machine, lease):
                log.info("joined: machine %s is present", machine.id)
                return self._session(machine, lease, created)
            await lease.end()
            (stored,) = await self._store.read(self._keys.machine(machine.id))
            if stored is not None and stored.lease not in self._strays:
                raise Occupied(self._occupant(machine.id, stored, ttl))
            if stored is not None:
                await self._store.revoke(stored.lease)
        raise Unavailable(f"machine {machine.id} comes and goes: joining is tried again later")

    async def _made_present(self, machine: Machine, lease: Lease) -> int | None:
        """The revision at which the machine appeared, or None if one was there."""
        try:
            outcome = await self._store.commit(writes.appear(self._keys, machine, lease.id))
        except Unavailable:
            self._strays.add(lease.id)
            raise
        except Lost:
            return None
        return outcome.revision if outcome.took_place else None

    def _session(self, machine: Machine, lease: Lease, created: int) -> LeaseSession:
        presence = writes.Presence(self._keys, machine.id, lease.id, created)
        return LeaseSession(self._store, presence, lease)

    def _occupant(self, id: str, stored: Stored, ttl: float) -> str:
        """Who is present under a machine ID, and what to do about it."""
        try:
            other = codec.read_machine(Key(Kind.MACHINE, machine=id), stored.value)
            who = f"a daemon of version {other.version or 'unknown'} at {other.ip or 'an unknown address'}"
        except codec.Corrupt:
            who = "a daemon that cannot be read"
        return (
            f"machine ID {id} is in use by {who}: two hosts cannot share one (see /etc/machine-id); "
            f"if it is an earlier daemon of this very host, its lease ends within about {ttl:g} s"
        )

    # Leadership

    async def _won(self, leader: Leader, ttl: float) -> LeaseLeadership:
        if (mine := await _patiently(lambda: self._still_led(leader))) is not None:
            return mine
        while True:
            await self._store.wait_absent(self._keys.leader)
            lease = await _patiently(lambda: self._store.grant(ttl))
            if created := await self._took_lead(leader, lease):
                log.info("leading: machine %s", leader.machine)
                return LeaseLeadership(self._store, writes.Tenure(self._keys, lease.id, created), lease)
            with suppress(Unavailable):
                await lease.end()

    async def _still_led(self, leader: Leader) -> LeaseLeadership | None:
        """The lead of an earlier daemon of this machine, if its lease lasts: no two daemons run on one."""
        (stored,) = await self._store.read(self._keys.leader)
        if stored is None or stored.value != codec.encode_leader(leader):
            return None
        if (lease := await self._store.adopt(stored.lease)) is None:
            return None
        log.info("leading on: machine %s led before", leader.machine)
        return LeaseLeadership(self._store, writes.Tenure(self._keys, lease.id, stored.created), lease)

    async def _took_lead(self, leader: Leader, lease: Lease) -> int | None:
        """The revision at which this engine took the lead, or None if another did."""
        try:
            outcome = await self._store.commit(writes.lead(self._keys, leader, lease.id))
            return outcome.revision if outcome.took_place else None
        except Lost:
            return None
        except Unavailable as error:
            log.warning("taking the lead: %s", error)
        (stored,) = await _patiently(lambda: self._store.read(self._keys.leader))
        return stored.created if stored is not None and stored.lease == lease.id else None


async def _patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """The answer of a store, however long it is away."""
    pause = FIRST_PAUSE
    while True:
        try:
            return await attempt()
        except Unavailable as error:
            log.log(logging.WARNING if pause == FIRST_PAUSE else logging.DEBUG, "waiting: %s", error)
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
