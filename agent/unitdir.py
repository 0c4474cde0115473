"""The directory of the unit files that are fleet's. Everything here blocks: call it in a thread.

Rule 1: a file is there as a whole or not at all.
Rule 2: what is no unit file is left alone, and said once.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from agent.atomic import UNFINISHED, replace
from agent.dropindir import DropInDirectory, NotOurs
from agent.errors import Unwritable
from units.file import InvalidUnitFile, UnitFile, content_hash
from units.name import KNOWN_TYPES

log = logging.getLogger(__name__)

TAMPERED = "changed on the host"
"""Stands for the content of a unit whose drop-ins are not as its file has them."""

Signature = tuple[int, int, int]
Known = tuple[Signature, str, Mapping[str, str]]
"""What was last read of a unit's file: its hash, and the drop-ins it carries."""


class UnitDirectory:
    """The unit files on this host, each in a file of its name; `search_path` is where systemd looks."""

    def __init__(self, path: Path, search_path: Path) -> None:
        self.path = path
        self.drop_ins = DropInDirectory(path, search_path)
        self._known: dict[str, Known] = {}
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
        """The hashes of all units by name; what has not changed is not read again. Raises OSError.

        That of a unit whose drop-ins are not what its file says is TAMPERED.
        """
        try:
            with os.scandir(self.path) as entries:
                found = {entry.name: entry for entry in entries if self._is_unit(entry)}
        except FileNotFoundError:
            return {}
        self._known = {name: self._look(name, entry) for name, entry in found.items()}
        return {
            name: hash if self.drop_ins.fit(name, drop_ins) else TAMPERED
            for name, (_, hash, drop_ins) in self._known.items()
        }

    def write(self, name: str, text: str) -> None:
        """Put a unit file there, in place of what is there, with its drop-ins. Raises Unwritable."""
        path = self.path_of(name)
        with _explained("write", path):
            self.path.mkdir(mode=0o755, parents=True, exist_ok=True)
            self._replace(name, text)

    def _replace(self, name: str, text: str) -> None:
        try:
            self.drop_ins.write(name, _drop_ins(text))
            replace(self.path_of(name), text.encode("utf-8", "surrogateescape"))
        except NotOurs:
            raise
        except OSError:
            with suppress(OSError):
                self.drop_ins.remove(name)
            raise

    def remove(self, name: str) -> None:
        """Take a unit file away with its drop-ins, as far as they are there. Raises Unwritable."""
        path = self.path_of(name)
        with _explained("remove", path):
            self.drop_ins.remove(name)
            path.unlink(missing_ok=True)

    def clear_unfinished(self) -> None:
        """Take away what an agent that was killed while writing has left behind."""
        for pattern in (f"{UNFINISHED}*", f"*.d/{UNFINISHED}*"):
            for path in self.path.glob(pattern):
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
        if entry.is_dir() and entry.name.endswith(".d"):
            return False
        if entry.name not in self._said:
            self._said.add(entry.name)
            log.warning("%s is no unit file: left alone", entry.path)
        return False

    def _look(self, name: str, entry: os.DirEntry[str]) -> Known:
        stat = entry.stat()
        signature = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        known = self._known.get(name)
        if known and known[0] == signature:
            return known
        text = Path(entry.path).read_bytes().decode("utf-8", "surrogateescape")
        return signature, content_hash(text), _drop_ins(text)


def _drop_ins(text: str) -> Mapping[str, str]:
    """The drop-ins that a unit file carries; one that cannot be read carries none."""
    try:
        return UnitFile.from_stored(text).drop_ins
    except InvalidUnitFile:
        return {}


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
        if isinstance(error, NotOurs):
            raise Unwritable(verb, Path(error.filename), why) from error
        try:
            free = f" ({free_bytes(path.parent)} bytes free in {path.parent})"
        except OSError:
            free = ""
        raise Unwritable(verb, path, why, free) from error
