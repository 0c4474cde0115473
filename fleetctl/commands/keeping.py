"""What a cluster is meant to run, kept in a file and brought back: backup, restore."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from fleetctl.backup import BadBackup, read, taken, written
from fleetctl.command import command
from fleetctl.errors import FleetctlError, Unsupported
from fleetctl.flags import Switch, flag
from fleetctl.output import Stop, complain, doing, say
from fleetctl.restoring import carry_out, extra, sentence, steps
from fleetctl.session import Session

_FILE = click.Argument(["file"], type=click.UNPROCESSED)
STDIO = "-"


@command(
    "backup FILE",
    "Write all units, their desired states and the dynamic metadata to a file",
    _FILE,
    description="""\
Writes what the cluster is meant to run to a file, or with - to stdout: the content
and the desired state of every unit, and the metadata that were set through the API.
Where units run is not in it. The file can only be read by its owner, and holds
whatever the unit files hold.

Bring it back with: fleetctl restore FILE""",
    example="fleetctl backup cluster.json",
)
def backup(session: Session, file: str) -> None:
    """Keep the cluster in a file."""
    with doing("Error reading the cluster"):
        units = session.api.units()
        try:
            metadata = session.api.metadata()
        except Unsupported as error:
            complain(f"WARNING: metadata that were set through the API are not in the backup: {error}")
            metadata = {}
    kept = taken(units, metadata)
    text = written(kept, at=datetime.now(UTC).isoformat(timespec="seconds"))
    if file == STDIO:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        _write(Path(file), text)
    complain(f"{len(kept.units)} units and the metadata of {len(kept.metadata)} machines kept")


@command(
    "restore [--dry-run] FILE",
    "Bring back what fleetctl backup has written",
    flag("--dry-run", kind=Switch(), default=False, help="only say what would change"),
    _FILE,
    description="""\
Creates the units of a backup, or of stdin with -, in their desired states, and sets
the metadata. Units that are there with another content are named and replaced; units
that the backup does not have stay. The file is checked as a whole first: nothing is
done with one that is damaged. Restoring twice does no harm.""",
    example="fleetctl restore --dry-run cluster.json",
    fills=True,
)
def restore(session: Session, file: str, dry_run: bool) -> int:
    """Bring the cluster to what a file says."""
    text = sys.stdin.read() if file == STDIO else _read(Path(file))
    try:
        kept = read(text)
    except BadBackup as error:
        raise Stop(f"{file} cannot be restored, nothing was changed: {error}") from error
    with doing("Error reading the cluster, nothing was changed"):
        units = session.api.units()
        metadata = session.api.metadata() if kept.metadata else {}
    todo = steps(kept, units, metadata)
    for done, step in enumerate(todo):
        if not dry_run:
            try:
                carry_out(step, session.api)
            except FleetctlError as error:
                said = f"{sentence(step, done=False)}: {error}"
                raise Stop(
                    f"{said} ({done} of {len(todo)} changes were made; run it again to go on)"
                ) from error
        say(sentence(step, done=not dry_run))
    if others := extra(kept, units):
        complain(f"Not in the backup, and left alone: {', '.join(others)}")
    complain(
        f"{len(todo)} changes{' would be made' if dry_run else ''}; {len(kept.units)} units in the backup"
    )
    return 0


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Stop(f"{path} cannot be read: {_why(error)}") from error


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all: what was there before stays until then. A device is written to."""
    if path.exists() and not path.is_file():
        _write_into(path, text)
        return
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise Stop(f"{path} cannot be written: {_why(error)}") from error


def _write_into(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        raise Stop(f"{path} cannot be written: {_why(error)}") from error


def _why(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
