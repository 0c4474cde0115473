"""The Python that a lab shares with its hosts: where it lies, and what must be bound for them to see it."""

import sys
from collections.abc import Iterable
from pathlib import Path

from fleetlab.errors import NotPossible

PROJECT = Path(__file__).resolve().parents[1]


def needed() -> tuple[Path, ...]:
    """What hosts need of the machine to run this very project: interpreter, environment, source, and /usr."""
    executable = Path(sys.executable)
    paths = {Path(sys.prefix), Path(sys.base_prefix), executable.resolve().parents[1], PROJECT, Path("/usr")}
    return tuple(sorted(paths | {path.resolve() for path in paths}))


def to_bind(paths: Iterable[Path], hidden: Iterable[Path] = (Path("/tmp"), Path("/run"))) -> list[Path]:
    """The paths that an overlay of `/` does not show: on other file systems, or below a fresh tmpfs."""
    device = Path("/").stat().st_dev
    unseen = [
        path
        for path in paths
        if path.stat().st_dev != device or any(path.is_relative_to(place) for place in hidden)
    ]
    return [
        path for path in unseen if not any(path != other and path.is_relative_to(other) for other in unseen)
    ]


def script(name: str) -> Path:
    """A command of this project, installed beside the interpreter."""
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise NotPossible(f"{path} is not there (install the project: pip install -e .)")
    return path
