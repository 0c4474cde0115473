"""Commands on several machines at once, each machine on one connection; what they say is printed in order.

Rule 1: however many units are asked about, a machine is connected to once.
Rule 2: where one machine fails, the others go on; the exit status is the first that is not 0.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from fleetctl.entities import Machine
from fleetctl.errors import FleetctlError
from fleetctl.many import AT_ONCE
from fleetctl.output import complain, say
from fleetctl.remote import BROKEN, end_children, own_machine_id, reached
from fleetctl.session import Session


@dataclass(frozen=True, slots=True)
class Job:
    """One command on a machine, and what is printed before its output, if anything."""

    machine: str
    words: tuple[str, ...]
    heading: str = ""


Outcome = tuple[int, list[str], str]
"""The exit status, the lines, and what went wrong on the way."""


def run_in_order(session: Session, jobs: Sequence[Job], *, port: int) -> int:
    """Run all and print what each says, an empty line between them; returns the exit status."""
    known = {machine.id: machine for machine in session.machines()}
    outcomes: list[Future[Outcome]] = [Future() for _ in jobs]
    slots = threading.Semaphore(AT_ONCE)
    for id in dict.fromkeys(job.machine for job in jobs):
        numbers = [number for number, job in enumerate(jobs) if job.machine == id]
        machine = known.get(id) or Machine(id)

        def work(machine: Machine = machine, numbers: Sequence[int] = numbers) -> None:
            with slots:
                _run_all(session, machine, [(jobs[n], outcomes[n]) for n in numbers], port)

        threading.Thread(target=work, daemon=True).start()
    statuses = []
    try:
        for number, (job, outcome) in enumerate(zip(jobs, outcomes, strict=True)):
            status, lines, fault = outcome.result()
            statuses.append(status)
            for line in ([""] if number else []) + ([job.heading] if job.heading else []) + lines:
                say(line)
            if fault:
                complain(fault)
    finally:
        end_children()
    return next(filter(None, statuses), 0)


def _run_all(
    session: Session, machine: Machine, work: Sequence[tuple[Job, Future[Outcome]]], port: int
) -> None:
    """Run the commands of one machine, one after the other."""
    try:
        here = machine.id == own_machine_id()
        with reached(session.settings, machine, port, here=here) as run:
            for job, outcome in work:
                lines: list[str] = []
                status = run(job.words, lines.append)
                outcome.set_result((status, lines, ""))
    except FleetctlError as error:
        for _, outcome in work:
            if not outcome.done():
                outcome.set_result((BROKEN, [], f"Machine {machine.id}: {error}"))
