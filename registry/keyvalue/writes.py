"""Which transactions make up the verbs of the registry, each with what it expects to find.

Rule 1: nothing here talks to a store: what is said here is data, for any store that can carry it out.
Rule 2: all that a host or a leader writes is guarded by the key that proves it is still there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from registry import codec
from registry.keys import Keys
from registry.keyvalue.transactions import (
    Delete,
    Guard,
    Operation,
    Put,
    Relation,
    Trait,
    Transaction,
    batches,
    created_at,
    modified_at,
)
from registry.port import Ask, Discard, Displace, EngineWrite, Explain, Place, Settle
from registry.records import Bid, Job, Leader, Report
from units.file import UnitFile
from units.machine import Machine

LEFT = "fleet was stopped there"


def save(keys: Keys, job: Job, file: UnitFile | None, seen: Job | None) -> Transaction:
    """Store a job and its content, if job/ and global/ hold of that name just what was seen.

    The content is put even when it is there already: whoever collects contents that no job names
    compares its revision, and so does not take it away from under this job.
    """
    if file is None and (seen is None or seen.hash != job.hash):
        raise ValueError(f"the content of {job.name} has changed but was not given")
    operations: list[Operation] = []
    if file is not None:
        operations.append(Put(keys.unit(file.hash), codec.encode_file(file)))
    operations.append(Put(keys.job(job.name, is_global=job.is_global), codec.encode_job(job)))
    if seen is not None and seen.is_global != job.is_global:
        operations.append(Delete(keys.job(job.name, is_global=seen.is_global)))
    return Transaction(_as_seen(keys, job.name, seen), tuple(operations))


def destroy(keys: Keys, seen: Job) -> Transaction:
    """Remove a job, if it is as it was seen, and what was kept about its placement."""
    job = Delete(keys.job(seen.name, is_global=seen.is_global))
    return Transaction(_as_seen(keys, seen.name, seen), (job, Delete(keys.verdict(seen.name))))


def clear(keys: Keys, name: str, versions: Mapping[bool, int]) -> Transaction:
    """Remove what stands in the places of a job (global or not), if it is still what was found there."""
    places = {keys.job(name, is_global=is_global): version for is_global, version in versions.items()}
    guards = tuple(modified_at(key, version) for key, version in places.items())
    return Transaction(guards, tuple(map(Delete, places)))


def set_metadata(keys: Keys, machine: str, values: Mapping[str, str]) -> Iterator[Transaction]:
    """Set metadata of a machine; nobody else writes whole sets of them, so nothing is expected."""
    puts = (Put(keys.metadata(machine, key), codec.encode_text(text)) for key, text in values.items())
    return batches((), puts)


def appear(keys: Keys, machine: Machine, lease: int) -> Transaction:
    """Make a machine present, if nobody is present under its ID."""
    key = keys.machine(machine.id)
    put = Put(key, codec.encode_machine(machine), lease)
    return Transaction((created_at(key, 0),), (put, Delete(keys.left(machine.id))))


def lead(keys: Keys, leader: Leader, lease: int) -> Transaction:
    """Take the lead, if nobody leads."""
    return Transaction((created_at(keys.leader, 0),), (Put(keys.leader, codec.encode_leader(leader), lease),))


@dataclass(frozen=True, slots=True)
class Presence:
    """What one machine may write for as long as the key that shows its presence is the one it created."""

    keys: Keys
    machine: str
    lease: int
    created: int

    @property
    def guards(self) -> tuple[Guard, ...]:
        """The host is still present under this session."""
        return (created_at(self.keys.machine(self.machine), self.created),)

    def renew(self, machine: Machine) -> Transaction:
        """Publish what the machine says of itself now."""
        put = Put(self.keys.machine(machine.id), codec.encode_machine(machine), self.lease)
        return Transaction(self.guards, (put,))

    def leave(self, lease: int) -> Transaction:
        """Say, under a lease that outlasts the presence, that its end is meant."""
        return Transaction(self.guards, (Put(self.keys.left(self.machine), codec.encode_text(LEFT), lease),))

    def report(self, reports: Iterable[Report], gone: Iterable[str]) -> Iterator[Transaction]:
        """Publish some states and forget others."""
        return batches(self.guards, self._states(reports, gone))

    def bid(self, bids: Iterable[Bid]) -> Iterator[Transaction]:
        """Answer those offers that still stand."""
        return batches(self.guards, map(self._answer, bids))

    def _states(self, reports: Iterable[Report], gone: Iterable[str]) -> Iterator[Operation]:
        for name in gone:
            yield Delete(self.keys.state(self.machine, name))
        for report in reports:
            yield Put(self.keys.state(self.machine, report.name), codec.encode_report(report), self.lease)

    def _answer(self, bid: Bid) -> Transaction:
        """A bid, if the offer of this machine and unit still has the id that is answered."""
        offer = self.keys.offer(self.machine, bid.name)
        low, high = codec.offer_bounds(bid.offer)
        guards = (
            Guard(offer, Trait.VALUE, low, Relation.GREATER),
            Guard(offer, Trait.VALUE, high, Relation.LESS),
        )
        put = Put(self.keys.bid(bid.name, self.machine), codec.encode_bid(bid), self.lease)
        return Transaction(guards, (put,))


@dataclass(frozen=True, slots=True)
class Tenure:
    """What one engine may write for as long as the leader key is the one it created."""

    keys: Keys
    lease: int
    created: int

    def commit(self, writes: Sequence[EngineWrite]) -> Iterator[Transaction]:
        """All writes in order."""
        operations = (operation for write in writes for operation in self._operations(write))
        return batches((created_at(self.keys.leader, self.created),), operations)

    def _operations(self, write: EngineWrite) -> Iterator[Operation]:
        match write:
            case Place(entry):
                yield Put(self.keys.schedule(entry.machine, entry.name), codec.encode_job(entry))
            case Displace(machine, name):
                yield Delete(self.keys.schedule(machine, name))
            case Ask(offer):
                yield Put(self.keys.offer(offer.machine, offer.name), codec.encode_offer(offer), self.lease)
            case Settle(name, machines):
                yield from (Delete(self.keys.offer(machine, name)) for machine in machines)
                yield Delete(self.keys.bids(name), tree=True)
            case Explain(name, verdict):
                key = self.keys.verdict(name)
                yield Put(key, codec.encode_verdict(verdict)) if verdict else Delete(key)
            case Discard(hash, revision):
                key = self.keys.unit(hash)
                untouched = Guard(key, Trait.MODIFIED, revision + 1, Relation.LESS)
                yield Transaction((untouched,), (Delete(key),))


def _as_seen(keys: Keys, name: str, seen: Job | None) -> tuple[Guard, ...]:
    """The two places of a job are as they were when it was seen, or when it was not."""
    versions = {seen.is_global: seen.version} if seen is not None else {}
    return tuple(modified_at(keys.job(name, is_global=g), versions.get(g, 0)) for g in (False, True))
