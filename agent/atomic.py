"""Files and links that are there as a whole or not at all, whenever the agent is killed. Blocks."""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

UNFINISHED = ".unfinished-"
"""How the names of those begin that an agent which was killed has left behind."""
_COUNT = itertools.count()


def replace(path: Path, content: bytes) -> None:
    """Write a file in place of what is there. Raises OSError."""
    with _moved_to(path) as unfinished:
        unfinished.write_bytes(content)
        unfinished.chmod(0o644)


def link(path: Path, target: str) -> None:
    """Make a symbolic link in place of what is there. Raises OSError."""
    with _moved_to(path) as unfinished:
        unfinished.symlink_to(target)


@contextmanager
def _moved_to(path: Path) -> Iterator[Path]:
    unfinished = path.parent / f"{UNFINISHED}{os.getpid()}-{next(_COUNT)}"
    try:
        yield unfinished
        unfinished.replace(path)
    except OSError:
        with suppress(OSError):
            unfinished.unlink()
        raise
