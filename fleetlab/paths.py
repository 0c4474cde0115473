"""Paths inside a host's root, which symbolic links must not lead out of."""

from pathlib import Path, PurePosixPath

from fleetlab.errors import LabError


def inside(root: Path, path: str) -> Path:
    """Where the host's `path` lies as seen from outside, its links followed as the host would follow them."""
    todo = [part for part in reversed(PurePosixPath("/", path).parts[1:])]
    done: list[str] = []
    links = 0
    while todo:
        part = todo.pop()
        here = root.joinpath(*done, part)
        if part == "..":
            done = done[:-1]
        elif here.is_symlink():
            links += 1
            if links > 40:
                raise LabError(f"too many symbolic links in {path}")
            target = here.readlink()
            done = [] if target.is_absolute() else done
            todo += [step for step in reversed(target.parts) if step != "/"]
        else:
            done.append(part)
    return root.joinpath(*done)
