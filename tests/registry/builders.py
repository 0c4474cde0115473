"""Records for tests, in few words."""

from __future__ import annotations

from registry.records import Bid, Job, Leader, Offer, Report, ScheduleEntry
from units.file import UnitFile
from units.machine import Machine
from units.state import TargetState

A = "a.service"
M1, M2 = "1" * 32, "2" * 32
LAUNCHED, LOADED, INACTIVE = TargetState.LAUNCHED, TargetState.LOADED, TargetState.INACTIVE


def unit_file(command: str = "/bin/true", *, is_global: bool = False) -> UnitFile:
    fleet = "\n[X-Fleet]\nGlobal=true\n" if is_global else ""
    return UnitFile.from_text(f"[Service]\nExecStart={command}\n{fleet}")


def job(
    name: str = A, state: TargetState = LAUNCHED, *, file: UnitFile | None = None, is_global: bool = False
) -> Job:
    """A job whose content says the same as it does about being global, unless another is given."""
    return Job(name, (file or unit_file(is_global=is_global)).hash, state, is_global)


def machine(id: str = M1, *, ip: str = "198.18.0.1", **metadata: str) -> Machine:
    return Machine(id, ip, metadata, "2.0.0", frozenset({"bids"}))


def leader(machine: str = M1) -> Leader:
    return Leader(machine)


def entry(name: str = A, machine: str = M1, state: TargetState = LAUNCHED) -> ScheduleEntry:
    return ScheduleEntry(machine, name, unit_file().hash, state)


def offer(name: str = A, machine: str = M1, *, id: str = "o1") -> Offer:
    return Offer(machine, name, id, unit_file().hash)


def bid(name: str = A, machine: str = M1, *, offer: str = "o1", refusal: str | None = None) -> Bid:
    return Bid(machine, name, offer, 0.0 if refusal else 1.5, refusal)


def report(name: str = A, machine: str = M1, *, active: str = "active") -> Report:
    return Report(machine, name, unit_file().hash, "loaded", active, "running", True, 1700000000.25)
