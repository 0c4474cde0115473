"""From what fleet 1.0's keys hold to the changes that make a picture.

Each group of keys says something about some records. What it says is written as changes of the keys that
etcd v3 has for these records, so that pictures are made by the same tables. `offer/`, `bid/` and the like,
of which 1.0 knows nothing, are stored under those very keys.

Rule 1: what a machine says counts while it is present, an offer while the leader who made it leads.
Rule 2: a unit that cannot be read is flagged under `job/<name>`, and nothing else is said of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from registry import codec
from registry.codec import Corrupt
from registry.etcd2 import values
from registry.etcd2.jobs import HALF_WRITTEN, files_hash, job_of
from registry.etcd2.nodes import Group, Node, Nodes
from registry.keys import Keys
from registry.records import Job, ScheduleEntry
from registry.tables import NO_FILES, Change, Tables
from units.file import UnitFile
from units.state import TargetState

LEADER: Group = ("lease", "engine-leader")
OURS = frozenset({"offer", "bid", "verdict", "left"})
"""Directories under our prefix that 1.0 never reads."""


@dataclass(frozen=True, slots=True)
class Flaw(Change):
    """A key of the layout has this wrong with it, or with no fault nothing any more."""

    fault: str = ""


@dataclass(frozen=True, slots=True)
class LayoutTables(Tables):
    """Tables that also take flaws. `library` holds files that have been read already, by their hashes."""

    library: Mapping[str, UnitFile] = field(default_factory=lambda: NO_FILES)

    def after(
        self, changes: Iterable[Change], revision: int, known: Mapping[str, UnitFile] = NO_FILES
    ) -> LayoutTables:
        """See `Tables.after`."""
        changes = tuple(changes)
        plain = (change for change in changes if not isinstance(change, Flaw))
        made = Tables.after(self, plain, revision, known or self.library)
        flaws = [change for change in changes if isinstance(change, Flaw)]
        picture = made.picture
        if flaws:
            broken = {**picture.broken, **{flaw.key: flaw.fault for flaw in flaws}}
            picture = replace(picture, broken={key: fault for key, fault in broken.items() if fault})
        return LayoutTables(self.keys, picture, made.configured, made.dynamic, self.library)


class Translator:
    """What all groups say, kept up to date."""

    def __init__(self, keys: Keys, nodes: Nodes) -> None:
        self._keys = keys
        self._nodes = nodes
        self._said: dict[Group, dict[tuple[type[Change], str], Change]] = {}
        self._naming: dict[str, set[str]] = {}
        """By hash, the units that name it."""
        self._hash: dict[str, str] = {}
        self.files: dict[str, UnitFile] = {}
        self._present: set[str] = set()
        self._leads = 0
        """The index at which the lease of the leader was created; 0 when nobody leads."""

    def everything(self) -> Iterator[Change]:
        """All that is said now."""
        for said in self._said.values():
            yield from said.values()

    def changes(self, touched: Iterable[Group]) -> list[Change]:
        """What is said anew since the nodes of these groups have changed."""
        return [c for group in self._in_order(set(touched)) for c in self._news(group)]

    def _in_order(self, touched: set[Group]) -> list[Group]:
        """These groups and those they have a say in. Contents come first: what a unit is hangs on its own."""
        for root, name in sorted(touched):
            if root == "unit":
                self._read_file(name)
                touched |= {("job", unit) for unit in self._naming.get(name, ())}
            elif root == "machines":
                touched |= self._come_or_gone(name)
        if LEADER in touched:
            touched |= self._led_by_another()
        touched |= {("states", name) for root, name in touched if root == "job"}
        return sorted(touched)

    def _news(self, group: Group) -> Iterator[Change]:
        before = self._said.get(group, {})
        now = {(type(change), change.key): change for change in self._saying(group)}
        for key, change in before.items():
            if key not in now:
                yield replace(change, fault="") if isinstance(change, Flaw) else replace(change, value=None)
        fresh = {change.key for key, change in now.items() if before.get(key) != change}
        # With a change of a record goes what is wrong with it: the tables take the record for mended.
        yield from (change for change in now.values() if change.key in fresh)
        if now:
            self._said[group] = now
        else:
            self._said.pop(group, None)

    def _saying(self, group: Group) -> Iterator[Change]:
        """What one group says now."""
        root, name = group
        rows = self._nodes.group(root, name)
        match root:
            case "job":
                yield from self._job(name, rows)
            case "unit" if "" in rows:
                yield from self._file(name)
            case "states":
                yield from self._states(name, rows)
            case "machines":
                yield from self._machine(name, rows)
            case "lease" if group == LEADER and "" in rows:
                yield self._put(self._keys.leader, codec.encode_leader(values.read_leader(rows[""].value)))
            case _:
                yield from self._ours(root, name, rows) if root in OURS else ()

    def _job(self, name: str, rows: Mapping[str, Node]) -> Iterator[Change]:
        self._note_hash(name, files_hash(name, rows))
        try:
            job = job_of(name, rows, self.files)
        except Corrupt as error:
            if str(error) != HALF_WRITTEN:
                yield self._flaw(f"job/{name}", str(error))
            return
        if job is not None:
            yield self._put(self._keys.job(name, is_global=job.is_global), codec.encode_job(job), job.version)
            if job.hash not in self.files:
                yield self._flaw(f"job/{name}", f"names the content {job.hash}, which cannot be read")
        if target := rows.get("target"):
            entry = _entry(name, target.value, job)
            version = max(target.modified, job.version if job else 0)
            yield self._put(self._keys.schedule(entry.machine, name), codec.encode_job(entry), version)

    def _file(self, hash: str) -> Iterator[Change]:
        if hash in self.files:
            yield self._put(self._keys.unit(hash), codec.encode_file(self.files[hash]))
            return
        try:
            values.read_file(hash, self._nodes.group("unit", hash)[""].value)
        except Corrupt as error:
            yield self._flaw(f"unit/{hash}", str(error))

    def _states(self, name: str, rows: Mapping[str, Node]) -> Iterator[Change]:
        launcher = self._nodes.group("job", name).get("job-state")
        for machine in sorted(self._present.intersection(rows)):
            launched = launcher is not None and launcher.value == machine
            try:
                report = values.read_state(machine, name, rows[machine].value, launched=launched)
            except Corrupt as error:
                yield self._flaw(f"states/{name}/{machine}", str(error))
            else:
                yield self._put(self._keys.state(machine, name), codec.encode_report(report))

    def _machine(self, id: str, rows: Mapping[str, Node]) -> Iterator[Change]:
        if node := rows.get("object"):
            try:
                if machine := values.read_machine(id, node.value):
                    yield self._put(self._keys.machine(id), codec.encode_machine(machine))
            except Corrupt as error:
                yield self._flaw(f"machines/{id}/object", str(error))
        for rest, node in rows.items():
            if rest.startswith("metadata/"):
                key = self._keys.metadata(id, rest.removeprefix("metadata/"))
                yield self._put(key, codec.encode_text(node.value))

    def _ours(self, root: str, name: str, rows: Mapping[str, Node]) -> Iterator[Change]:
        for rest, node in rows.items():
            if self._counts(root, rest, node):
                key = "/".join(part for part in (root, name, rest) if part)
                yield self._put(self._keys.prefix + key, node.value.encode("utf-8", "replace"))

    def _counts(self, root: str, rest: str, node: Node) -> bool:
        """Whether who wrote it is still there: the leader of an offer, the machine of a bid."""
        if root == "offer":
            return lease_of(node.value) == self._leads
        return root != "bid" or rest in self._present

    def _put(self, key: str, value: bytes, version: int = 0) -> Change:
        return Change(key, value, version)

    def _flaw(self, path: str, fault: str) -> Flaw:
        return Flaw(self._keys.prefix + path, None, 0, fault)

    def _note_hash(self, name: str, hash: str | None) -> None:
        """Remember which content a unit names."""
        if (before := self._hash.pop(name, None)) is not None:
            self._naming[before].discard(name)
        if hash is not None:
            self._hash[name] = hash
            self._naming.setdefault(hash, set()).add(name)

    def _read_file(self, hash: str) -> None:
        node = self._nodes.group("unit", hash).get("")
        self.files.pop(hash, None)
        if node is not None:
            try:
                self.files[hash] = values.read_file(hash, node.value)
            except Corrupt:
                return

    def _come_or_gone(self, id: str) -> set[Group]:
        """What a machine has said, if it was not present and is now, or the other way round."""
        is_present = self._is_present(id)
        if is_present == (id in self._present):
            return set()
        (self._present.add if is_present else self._present.discard)(id)
        roots = ("states", "bid")
        return {
            (root, n) for root in roots for n in self._nodes.names(root) if id in self._nodes.group(root, n)
        }

    def _is_present(self, id: str) -> bool:
        node = self._nodes.group("machines", id).get("object")
        try:
            return node is not None and values.read_machine(id, node.value) is not None
        except Corrupt:
            return False

    def _led_by_another(self) -> set[Group]:
        """All offers, if the lease is not the one it was."""
        node = self._nodes.group(*LEADER).get("")
        leads = node.created if node else 0
        if leads == self._leads:
            return set()
        self._leads = leads
        return {("offer", machine) for machine in self._nodes.names("offer")}


def lease_of(offer: str) -> int:
    """The lease under which an offer was made; 0 when it cannot be read."""
    try:
        lease = json.loads(offer).get("lease", 0)
    except (ValueError, AttributeError, RecursionError):
        return 0
    return lease if isinstance(lease, int) else 0


def _entry(name: str, machine: str, job: Job | None) -> ScheduleEntry:
    """What a target says; one without a unit says that nothing is to run there."""
    if job is None:
        return ScheduleEntry(machine, name, "", TargetState.INACTIVE)
    return ScheduleEntry(machine, name, job.hash, job.desired)
