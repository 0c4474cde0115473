"""The drop-ins of fleet's units, where systemd looks for them. Everything here blocks: call it in a thread.

systemd 252 does not look beside the file that a unit is linked to, but in `NAME.d` of its search path; it
follows links there. So the files are beside the unit's file, and each has a link in the search path.

Rule 1: what is a link into fleet's own directory, or stands where one was put, is fleet's; all else in
        `NAME.d` is somebody else's, and is neither replaced nor removed.
"""

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from agent import atomic

SYSTEM_PATH = Path("/run/systemd/system")
"""Where systemd itself puts links that end with the boot."""

Signature = tuple[int, ...]


def user_path() -> Path:
    """The same for the systemd of the user that this runs as."""
    return Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}") / "systemd" / "user"


class NotOurs(OSError):
    """A drop-in of that name is there already."""


class DropInDirectory:
    """The drop-ins of all units of fleet's: files in `store`, linked from `search_path`."""

    def __init__(self, store: Path, search_path: Path) -> None:
        self._store = store
        self._search_path = search_path
        self._good: dict[str, tuple[Mapping[str, str], tuple[Signature, ...]]] = {}

    def write(self, name: str, texts: Mapping[str, str]) -> None:
        """Make these all the drop-ins of a unit that are fleet's. Raises OSError, NotOurs at once."""
        places = self._places(name, texts)
        ours = self.links(name)
        for link in places:
            if os.path.lexists(link) and str(link) not in ours:
                raise NotOurs(None, "a drop-in that is not fleet's is there already", str(link))
        for link, file in places.items():
            file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            atomic.replace(file, texts[file.name].encode("utf-8", "surrogateescape"))
            link.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            atomic.link(link, str(file))
        for path in ours.difference(map(str, places)):
            Path(path).unlink(missing_ok=True)
            (self._store / f"{name}.d" / Path(path).name).unlink(missing_ok=True)
        self._tidy(name)

    def remove(self, name: str) -> None:
        """Take away all drop-ins of a unit that are fleet's, whatever they hold by now. Raises OSError."""
        for path in self.links(name):
            Path(path).unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            shutil.rmtree(self._store / f"{name}.d")
        self._tidy(name)
        self._good.pop(name, None)

    def links(self, name: str) -> set[str]:
        """The paths, as systemd tells them, of the drop-ins of a unit that are fleet's. Raises OSError."""
        store = self._store / f"{name}.d"
        kept = {path.name for path in _listed(store)}
        return {
            str(path)
            for path in _listed(self._search_path / f"{name}.d")
            if path.name in kept or (path.is_symlink() and path.readlink().parent == store)
        }

    def fit(self, name: str, texts: Mapping[str, str]) -> bool:
        """Whether these are there and hold what they should; what has not changed is not read again."""
        if not texts:
            return True
        places = self._places(name, texts)
        try:
            now = tuple(_signature(path) for pair in places.items() for path in pair)
            if self._good.get(name) == (texts, now):
                return True
            if not all(
                link.readlink() == file and _holds(file, texts[file.name]) for link, file in places.items()
            ):
                return False
        except OSError:
            return False
        self._good[name] = texts, now
        return True

    def _places(self, name: str, texts: Mapping[str, str]) -> dict[Path, Path]:
        """The link and the file of each drop-in."""
        found, kept = self._search_path / f"{name}.d", self._store / f"{name}.d"
        return {found / file: kept / file for file in texts}

    def _tidy(self, name: str) -> None:
        for parent in (self._search_path, self._store):
            with suppress(OSError):  # not empty, or never made
                (parent / f"{name}.d").rmdir()


def _listed(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _signature(path: Path) -> Signature:
    stat = path.lstat()
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def _holds(file: Path, text: str) -> bool:
    return file.read_bytes() == text.encode("utf-8", "surrogateescape")
