"""What is remembered of each lab on disk, so that any process can find it, use it and take it down.

    /run/fleet-lab/lock                 held while a lab is claimed or forgotten
    /run/fleet-lab/<id>/                a tmpfs of its own: when it is unmounted all is gone
        lab.json                        LabRecord
        hosts/<host>/host.json          HostRecord; beside it root/, upper/, work/, console
        etcd/<member>/member.json       MemberRecord; beside it data/, log

Everything a lab owns outside of its directory (namespaces, control groups) carries its id in
its name, so it can be taken down even when a record was never written.
"""

import fcntl
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from fleetlab.errors import LabError, NoSuch
from fleetlab.processes import Process

RUN = Path("/run/fleet-lab")
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong with a host's network on purpose; it survives the host's reboots."""

    cable_cut: bool = False
    etcd_cut: bool = False
    delay_ms: float = 0
    loss_percent: float = 0


@dataclass(frozen=True, slots=True)
class HostRecord:
    """A host, running or not. `process` is the nspawn that carries it."""

    name: str
    number: int
    address: str
    machine_id: str
    process: Process | None = None
    faults: Faults = Faults()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "HostRecord":
        """The record that `asdict` was made of."""
        return cls(**{**data, "process": _process(data["process"]), "faults": Faults(**data["faults"])})


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """A member of the lab's etcd, running or not."""

    name: str
    address: str
    process: Process | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "MemberRecord":
        """The record that `asdict` was made of."""
        return cls(**{**data, "process": _process(data["process"])})


@dataclass(frozen=True, slots=True)
class FleetRecord:
    """How fleet was installed, so that hosts that come later get the same."""

    config: dict[str, str] = field(default_factory=dict)
    per_host: dict[str, dict[str, str]] = field(default_factory=dict)
    listen_tcp: bool = True


@dataclass(frozen=True, slots=True)
class LabRecord:
    """A lab. `index` is its place among the subnets; without an `owner` it stays until taken down."""

    id: str
    name: str
    index: int
    owner: Process | None
    ssh: bool = False
    etcd_args: tuple[str, ...] = ()
    fleet: FleetRecord | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "LabRecord":
        """The record that `asdict` was made of."""
        fleet = None if data["fleet"] is None else FleetRecord(**data["fleet"])
        etcd_args = tuple(data["etcd_args"])
        return cls(**{**data, "owner": _process(data["owner"]), "etcd_args": etcd_args, "fleet": fleet})

    @property
    def directory(self) -> Path:
        """Where everything of this lab lies."""
        return RUN / self.id

    @property
    def abandoned(self) -> bool:
        """Whether it had an owner, and that owner is dead."""
        return self.owner is not None and not self.owner.alive

    def detached(self) -> "LabRecord":
        """The same lab, that stays when the process that made it ends."""
        return replace(self, owner=None)


def save(directory: Path, record: LabRecord | HostRecord | MemberRecord) -> None:
    """Write a record into its directory, as a whole or not at all."""
    path = directory / _file(type(record))
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(asdict(record), indent=2) + "\n")
    draft.replace(path)


def load_lab(directory: Path) -> LabRecord:
    """The record of the lab that lives in this directory."""
    return LabRecord.from_json(_read(directory / "lab.json"))


def load_hosts(directory: Path) -> list[HostRecord]:
    """The hosts of the lab in this directory, in the order they came."""
    found = [HostRecord.from_json(_read(path)) for path in directory.glob("hosts/*/host.json")]
    return sorted(found, key=lambda host: host.number)


def load_members(directory: Path) -> list[MemberRecord]:
    """The etcd members of the lab in this directory."""
    found = [MemberRecord.from_json(_read(path)) for path in directory.glob("etcd/*/member.json")]
    return sorted(found, key=lambda member: member.name)


def labs() -> list[LabRecord]:
    """Every lab on this machine whose record can be read, by name."""
    found = []
    for directory in directories():
        try:
            found.append(load_lab(directory))
        except NoSuch:  # being made or taken down at this moment
            continue
    return sorted(found, key=lambda lab: (lab.name, lab.id))


def find(name: str) -> LabRecord:
    """The lab of this name or id."""
    for lab in labs():
        if name in (lab.name, lab.id) and not lab.abandoned:
            return lab
    raise NoSuch(f"no lab named {name!r} is up (fleet-lab ls shows them, fleet-lab up makes one)")


def directories() -> list[Path]:
    """The directories of all labs, also of half-made ones."""
    return sorted(path for path in RUN.glob("*") if path.is_dir())


def living_owner(directory: Path) -> Process | None:
    """The running process that the lab in this directory belongs to, if there is one."""
    try:
        owner = load_lab(directory).owner
    except NoSuch:
        return None
    return owner if owner and owner.alive else None


@contextmanager
def locked() -> Iterator[None]:
    """Alone among all processes that claim or forget labs."""
    try:
        RUN.mkdir(mode=0o755, parents=True, exist_ok=True)
        lock = (RUN / "lock").open("w")
    except PermissionError:
        raise LabError(f"only root may use {RUN} (run this as root)") from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _file(kind: type) -> str:
    return {LabRecord: "lab.json", HostRecord: "host.json", MemberRecord: "member.json"}[kind]


def _read(path: Path) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise NoSuch(f"there is no readable record at {path}: {error}") from None
    return data


def _process(data: Mapping[str, int] | None) -> Process | None:
    return None if data is None else Process(**data)
