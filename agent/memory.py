"""What the agent has done to each unit, kept where a restarted agent finds it and a reboot forgets it.

Each unit is one symbolic link whose target is the record, `launched:<hash>`: made in one move, taking no
room on a full tmpfs, and shown by `ls -l`. Recording blocks: call it in a thread.
"""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from agent.atomic import UNFINISHED, link
from agent.errors import Unwritable
from agent.host import Remembered, Stage

log = logging.getLogger(__name__)


class Memory:
    """The stage of each unit, in this process and in a directory that lives as long as the boot."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._units: dict[str, Remembered] = {}

    def read(self) -> None:
        """Recall what an earlier agent has recorded. What cannot be read is not remembered."""
        if not self._path.is_dir():
            return
        for path in self._path.iterdir():
            record = _parsed(str(path.readlink())) if path.is_symlink() else None
            if path.name.startswith(UNFINISHED):
                path.unlink(missing_ok=True)
            elif record is None:
                log.warning("%s is no record of a unit: left alone", path)
            else:
                self._units[path.name] = record

    def get(self, name: str) -> Remembered | None:
        """What is known of a unit, or None."""
        return self._units.get(name)

    def all(self) -> Mapping[str, Remembered]:
        """All units by name, as they are now."""
        return dict(self._units)

    def record(self, name: str, memory: Remembered) -> None:
        """Remember this of a unit, instead of what was. Raises Unwritable, and then nothing has changed."""
        try:
            self._path.mkdir(mode=0o755, parents=True, exist_ok=True)
            link(self._path / name, f"{memory.stage}:{memory.hash}")
        except OSError as error:
            raise Unwritable("record", self._path / name, error.strerror or str(error)) from error
        self._units[name] = memory

    def forget(self, names: Iterable[str]) -> None:
        """Remember nothing of these units. Raises Unwritable."""
        for name in names:
            try:
                (self._path / name).unlink(missing_ok=True)
            except OSError as error:
                raise Unwritable("remove", self._path / name, error.strerror or str(error)) from error
            self._units.pop(name, None)


def _parsed(target: str) -> Remembered | None:
    stage, _, hash = target.partition(":")
    return Remembered(hash, Stage(stage)) if stage in set(Stage) and hash else None
