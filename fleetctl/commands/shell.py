"""ssh: a shell or a command on a machine of the cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from fleetctl.command import SSH_PORT, command, words
from fleetctl.entities import Machine, legend
from fleetctl.errors import SshError
from fleetctl.flags import Switch, Text, flag
from fleetctl.names import find_unit
from fleetctl.output import USAGE, Stop, doing
from fleetctl.remote import BROKEN
from fleetctl.selection import instances_of, meant, several
from fleetctl.session import Session
from fleetctl.target import NoTarget, either, machine_called, machine_of, remote_words


@command(
    "ssh [-A|--forward-agent] [--ssh-port=N] [--machine|--unit] {MACHINE|UNIT}",
    "Open a shell on a machine, or run a command there",
    flag("--machine", kind=Text(), default="", help="ID of the machine, or its beginning"),
    flag("--unit", kind=Text(), default="", help="unit whose machine is meant"),
    flag("--forward-agent", "--A", "-A", kind=Switch(), default=False, help="forward the ssh-agent"),
    flag("--all", kind=Switch(), default=False, help="run the command on all machines"),
    SSH_PORT,
    words("words"),
    description="""\
Opens a shell on a machine, or on the machine of a unit. With a command behind it
the command is run there: its options need a -- in front. With --all, or a pattern
of units, it is run on all those machines at once, each line with its machine.""",
    example="""\
fleetctl ssh 2444264c
fleetctl ssh web.service -- ls -l /var/log
fleetctl ssh --all -- uptime""",
)
def ssh(
    session: Session, machine: str, unit: str, forward_agent: bool, ssh_port: int, words: Sequence[str],
    **many: bool,
) -> int:  # fmt: skip
    """Run a command on a machine, or a shell; or a command on many."""
    if many["all"]:
        return _run_on_all(session, _all_machines(session), ssh_port, remote_words(words))
    if several([unit] if unit else words[:1]):
        pattern, command = (unit, words) if unit else (words[0], words[1:])
        return _run_on_all(session, _machines_of(session, pattern), ssh_port, remote_words(command))
    with doing("Unable to proceed"):
        machines = cache(session.api.machines)
        id, rest = _target(session, machines, machine, unit, list(words))
        address = next((m.ip for m in machines() if m.id == id), "") if id else ""
    if not address:
        raise Stop("Could not determine address of machine.")
    return _run(session, address, ssh_port, remote_words(rest), forward_agent=forward_agent)


def _run_on_all(session: Session, machines: Sequence[Machine], port: int, words: Sequence[str]) -> int:
    if not words:
        raise Stop("Which command? A shell can be opened on one machine only.", USAGE)
    if not machines:
        raise Stop("Unable to proceed: there is no such machine")
    from fleetctl.many import Source, run_on_many

    line = (" ".join(words),)
    sources = [Source(f"{legend(m.id)}/{m.ip}", m, line, here=False) for m in machines]
    return run_on_many(session, sources, port=port)


def _all_machines(session: Session) -> Sequence[Machine]:
    """All machines. Raises Stop."""
    with doing("Unable to proceed"):
        return session.api.machines()


def _machines_of(session: Session, pattern: str) -> Sequence[Machine]:
    """The machines that have one of the units."""
    with doing("Unable to proceed"):
        units, _ = meant(session.api, instances_of([pattern]))
        named = {unit.name for unit in units}
        ids = {state.machine for state in session.api.states() if state.name in named}
    return [machine for machine in _all_machines(session) if machine.id in ids]


def _target(
    session: Session, machines: Callable[[], Sequence[Machine]], machine: str, unit: str, words: list[str]
) -> tuple[str, list[str]]:
    """The machine that is meant, and the words that remain. Raises NoTarget, Unreachable, ApiError."""
    if machine and unit:
        raise NoTarget("Both machine and unit flags provided, please specify only one.")
    if machine:
        return machine_called(machine, machines()).id, words
    if unit:
        return machine_of(find_unit(session.api, unit)), words
    if not words:
        raise NoTarget("one machine or unit must be provided")
    return either(words[0], machines(), find_unit(session.api, words[0])), words[1:]


def _run(session: Session, address: str, port: int, words: Sequence[str], *, forward_agent: bool) -> int:
    from fleetctl.ssh.connection import connected, published
    from fleetctl.ssh.terminal import run_command, run_shell

    doing_what = "running command over SSH" if words else "opening shell over SSH"
    with (
        doing("Failed building SSH client"),
        connected(session.settings, *published(address, port)) as connection,
    ):
        try:
            if words:
                return run_command(connection, " ".join(words), forward_agent=forward_agent)
            return run_shell(connection, forward_agent=forward_agent)
        except SshError as error:
            raise Stop(f"Failed {doing_what}: {error}", BROKEN if words else 1) from error
