"""Labs, hosts and members as tables for people."""

from collections.abc import Sequence

from fleetlab.lab import Lab
from fleetlab.state import Faults, LabRecord


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they must be."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [head, *rows]
    ]
    return "\n".join(line.rstrip() for line in lines)


def labs(records: Sequence[LabRecord]) -> str:
    """One line per lab."""
    rows = [(record.name, record.id, _owner(record)) for record in records]
    return table(("NAME", "ID", "OWNER"), rows) if rows else "no labs (fleet-lab up makes one)"


def lab(shown: Lab) -> str:
    """One line per host and member."""
    rows = [
        (host.name, host.address, _power(host.alive, host.paused), host.machine_id, trouble(host.faults))
        for host in shown.hosts
    ]
    rows += [
        (member.name, member.address, _power(member.alive, member.paused), "etcd", "")
        for member in shown.etcd.members
    ]
    return table(("NAME", "ADDRESS", "STATE", "MACHINE", "NETWORK"), rows)


def trouble(faults: Faults) -> str:
    """What is wrong with a host's network, in words."""
    words = []
    if faults.cable_cut:
        words.append("cable cut")
    if faults.etcd_cut:
        words.append("cut from etcd")
    if faults.delay_ms:
        words.append(f"{faults.delay_ms:g} ms late")
    if faults.loss_percent:
        words.append(f"{faults.loss_percent:g} % lost")
    return ", ".join(words) or "ok"


def _power(alive: bool, paused: bool) -> str:
    return "down" if not alive else "paused" if paused else "up"


def _owner(record: LabRecord) -> str:
    if record.owner is None:
        return "stays up"
    return f"process {record.owner.pid}" if record.owner.alive else "dead"
