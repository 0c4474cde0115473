"""Running a command on a machine of the cluster: here, if it is this host, or else over SSH."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from fleetctl.entities import Machine
from fleetctl.errors import FleetctlError, SshError
from fleetctl.output import complain
from fleetctl.session import Session
from fleetctl.settings import Settings

MACHINE_ID = Path("/etc/machine-id")
BROKEN = 255
Run = Callable[[Sequence[str], Callable[[str], None]], int]
"""Runs a command, each line of its two outputs going to the function; returns its exit status."""
_CHILDREN: set[subprocess.Popen[str]] = set()
"""Local commands whose lines are read by threads."""


def run_on(session: Session, machine: str, words: Sequence[str], *, port: int) -> int:
    """Run it, its output going where ours goes; returns its exit status, or one of ours, and says why."""
    if machine == own_machine_id():
        return _run_here(words)
    try:
        found = next((m for m in session.api.machines() if m.id == machine), None)
    except FleetctlError as error:
        complain(f"Error getting machine IP: {error}")
        return 1
    if found is None or not found.ip:
        said = "it has published no address" if found else "it is not in the cluster any more"
        complain(f"Error getting machine IP: machine {machine}: {said}")
        return 1
    return _run_there(session, found, words, port)


def feed_from(
    settings: Settings,
    machine: Machine,
    words: Sequence[str],
    port: int,
    tell: Callable[[str], None],
    *,
    here: bool,
) -> int:
    """Run it, each line of its two outputs going to `tell`; returns its exit status. Raises SshError."""
    with reached(settings, machine, port, here=here) as run:
        return run(words, tell)


@contextmanager
def reached(settings: Settings, machine: Machine, port: int, *, here: bool) -> Iterator[Run]:
    """Runs commands on a machine, on one connection. Raises SshError."""
    if here:
        yield _feed_from_here
        return
    if not machine.ip:
        raise SshError("the machine has published no address")
    from fleetctl.ssh.connection import connected
    from fleetctl.ssh.terminal import read_command

    with connected(settings, machine.ip, port) as connection:
        yield lambda words, tell: read_command(
            connection, words[0] if len(words) == 1 else remote_command(words), tell
        )


def _feed_from_here(words: Sequence[str], tell: Callable[[str], None]) -> int:
    try:
        with subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="backslashreplace",
        ) as process:  # fmt: skip
            _CHILDREN.add(process)
            for line in process.stdout or ():
                tell(line.rstrip("\n"))
    except OSError as error:
        raise SshError(f"cannot run {words[0]}: {(error.strerror or str(error)).lower()}") from error
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


def end_children() -> None:
    """End what still runs here, when nobody reads it any more."""
    for process in list(_CHILDREN):
        if process.poll() is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(1.0)


def own_machine_id() -> str:
    """The ID of this host; empty if it has none."""
    try:
        return MACHINE_ID.read_text().strip()
    except OSError:
        return ""


def _run_here(words: Sequence[str]) -> int:
    try:
        status = subprocess.run(words, stdin=subprocess.DEVNULL, check=False).returncode
    except OSError as error:
        complain(f"Error running local command: {words[0]}: {(error.strerror or str(error)).lower()}")
        return BROKEN
    return status if status >= 0 else 128 - status


def _run_there(session: Session, machine: Machine, words: Sequence[str], port: int) -> int:
    from fleetctl.ssh.connection import connected
    from fleetctl.ssh.terminal import run_command

    try:
        with connected(session.settings, machine.ip, port) as connection:
            return run_command(connection, remote_command(words), reads=False)
    except SshError as error:
        complain(f"Unable to SSH to remote host: {error}")
        return BROKEN


def remote_command(words: Sequence[str]) -> str:
    """The words as one line for a shell, each argument in double quotes (fleet 1.0)."""
    program, *arguments = words
    return " ".join([program, *map(_in_double_quotes, arguments)])


def _in_double_quotes(word: str) -> str:
    return '"' + "".join("\\" + c if c in '"\\$`' else c for c in word) + '"'
