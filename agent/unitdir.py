"""The directory of the unit files that are fleet's. Everything here blocks: call it in a thread.

Rule 1: a file is there as a whole or not at all.
Rule 2: what is no unit file is left alone, and said once.
"""

import itertools
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agent.errors import Unwritable
from units.file import content_hash
from units.name import KNOWN_TYPES

log = logging.getLogger(__name__)

UNFINISHED = ".unfinished-"
_COUNT = itertools.count()

Signature = tuple[int, int, int]


class UnitDirectory:
    """The unit files on this host, each in a file of the unit's name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._hashes: dict[str, tuple[Signature, str]] = {}
        self._said: set[str] = set()

    def path_of(self, name: str) -> Path:
        """Where the file of this unit is, or would be."""
        return self.path / name

    def make(self) -> None:
        """Make sure that the directory is there, and can be written to. Raises Unwritable."""
        with _explained("make", self.path):
            self.path.mkdir(mode=0o755, parents=True, exist_ok=True)
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise Unwritable("write to", self.path, "read-only, or no permission")

    def read(self) -> dict[str, str]:
        """The hashes of all unit files by name; what has not changed is not read again. Raises OSError."""
        try:
            with os.scandir(self.path) as entries:
                found = {entry.name: entry for entry in entries if self._is_unit(entry)}
        except FileNotFoundError:
            return {}
        self._hashes = {name: self._hash(name, entry) for name, entry in found.items()}
        return {name: hash for name, (_, hash) in self._hashes.items()}

    def write(self, name: str, text: str) -> None:
        """Put a unit file there, in place of what is there. Raises Unwritable."""
        path = self.path_of(name)
        with _explained("write", path):
            self.path.mkdir(mode=0o755, parents=True, exist_ok=True)
            replace(path, text.encode("utf-8", "surrogateescape"))

    def remove(self, name: str) -> None:
        """Take a unit file away, if it is there. Raises Unwritable."""
        path = self.path_of(name)
        with _explained("remove", path):
            path.unlink(missing_ok=True)

    def clear_unfinished(self) -> None:
        """Take away what an agent that was killed while writing has left behind."""
        for path in self.path.glob(f"{UNFINISHED}*"):
            path.unlink(missing_ok=True)

    def free(self) -> int | None:
        """Bytes left in the directory, or None where that cannot be found out."""
        place = next(path for path in (self.path, *self.path.parents) if path.exists())
        try:
            return free_bytes(place)
        except OSError:
            return None

    def _is_unit(self, entry: os.DirEntry[str]) -> bool:
        if entry.name.startswith(UNFINISHED):
            return False
        if entry.is_file() and entry.name.rpartition(".")[2] in KNOWN_TYPES:
            return True
        if entry.name not in self._said:
            self._said.add(entry.name)
            log.warning("%s is no unit file: left alone", entry.path)
        return False

    def _hash(self, name: str, entry: os.DirEntry[str]) -> tuple[Signature, str]:
        stat = entry.stat()
        signature = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        known = self._hashes.get(name)
        if known and known[0] == signature:
            return known
        text = Path(entry.path).read_bytes().decode("utf-8", "surrogateescape")
        return signature, content_hash(text)


def replace(path: Path, content: bytes) -> None:
    """Write a file in one move: it is there as a whole or not at all. Raises OSError."""
    unfinished = path.parent / f"{UNFINISHED}{os.getpid()}-{next(_COUNT)}"
    try:
        unfinished.write_bytes(content)
        unfinished.chmod(0o644)
        unfinished.replace(path)
    except OSError:
        with suppress(OSError):
            unfinished.unlink()
        raise


def free_bytes(path: Path) -> int:
    """What an ordinary write may still take there: nothing when there is no room for another file."""
    stat = os.statvfs(path)
    no_more_files = stat.f_files and not stat.f_favail
    return 0 if no_more_files else stat.f_bavail * stat.f_frsize


@contextmanager
def _explained(verb: str, path: Path) -> Iterator[None]:
    """Turn an OSError into a sentence that names the file and how much room is left."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        try:
            free = f" ({free_bytes(path.parent)} bytes free in {path.parent})"
        except OSError:
            free = ""
        raise Unwritable(verb, path, why, free) from error
