"""Whether what systemd has, or is about to read, is what fleet wrote: after each load, before each start.

Rule 1: what hides or outdates fleet's file is never started in its place: it is said, with the way out.
Rule 2: the host's own drop-ins are its owner's to make: they are no reason.
Rule 3: systemd is asked about units that it keeps loaded. Others it would read for each question, and forget
        (2 ms each): for them its search path is gone through on disk, as it will do itself.
"""

import asyncio
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from agent.errors import NotAsWritten, Refused
from agent.strangers import are_ours
from agent.systemd import Systemd
from agent.unitdir import UnitDirectory

MASK = Path("/dev/null")


async def differing(
    systemd: Systemd, directory: UnitDirectory, names: Collection[str], kept: Collection[str]
) -> dict[str, NotAsWritten]:
    """Those of the units that systemd has from elsewhere, or not as they are now; it keeps some loaded.

    Raises HostError.
    """
    path = await systemd.unit_path()
    fragments = await asyncio.gather(*(systemd.property(name, "FragmentPath") for name in kept))
    stale = await asyncio.gather(*(systemd.property(name, "NeedDaemonReload") for name in kept))
    known = dict(zip(kept, fragments, strict=True))
    outdated = {name for name, is_stale in zip(kept, stale, strict=True) if is_stale}

    def compared() -> dict[str, NotAsWritten]:
        return _differences(directory, _first_of(path, set(names) - known.keys()) | known, outdated)

    return await asyncio.to_thread(compared)


async def is_hidden(systemd: Systemd, directory: UnitDirectory, name: str) -> bool:
    """Whether what systemd has under a name comes from elsewhere. Raises HostError."""
    try:
        fragment = await systemd.property(name, "FragmentPath")
    except Refused:  # it is no name for systemd, such as that of a template
        return False
    return bool(fragment) and not (await asyncio.to_thread(are_ours, directory, [name], [fragment]))[0]


def _first_of(path: Sequence[str], names: Collection[str]) -> dict[str, str]:
    """Where systemd will find each unit; empty where it will not."""
    directories = [directory for directory in path if os.path.isdir(directory)]  # noqa: PTH112 - see rule 3
    places = {name: [f"{directory}/{name}" for directory in directories] for name in names}
    return {name: next(filter(os.path.lexists, found), "") for name, found in places.items()}


def _differences(
    directory: UnitDirectory, origins: Mapping[str, str], outdated: Collection[str]
) -> dict[str, NotAsWritten]:
    names, paths = list(origins), list(origins.values())
    ours = dict(zip(names, are_ours(directory, names, paths), strict=True))
    return {
        name: difference(name, str(directory.path_of(name)), origin, is_masked=_is_mask(origin))
        for name, origin in origins.items()
        if not ours[name] or name in outdated
    }


def difference(name: str, path: str, origin: str, *, is_masked: bool) -> NotAsWritten:
    """What is wrong with what systemd has under a name in place of `path`, and where it has that from."""
    if is_masked:
        return NotAsWritten(name, f"it is masked by {origin}", f"systemctl unmask {name}")
    if not origin:
        return NotAsWritten(name, f"systemd does not find {path}", "systemctl daemon-reload")
    if Path(origin).resolve() == Path(path).resolve():
        return NotAsWritten(name, f"it is an older text of {path}", "systemctl daemon-reload")
    way_out = "remove that file, then systemctl daemon-reload"
    return NotAsWritten(name, f"it comes from {origin}, which hides {path}", way_out)


def _is_mask(origin: str) -> bool:
    """Whether a file masks its unit: it is empty, or the null device (systemd.unit(5))."""
    found = Path(origin) if origin else None
    return found is not None and (found.resolve() == MASK or (found.is_file() and not found.stat().st_size))
