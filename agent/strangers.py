"""Whose a unit is: fleet's, or the host's own."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

from agent.host import UnitStatus
from agent.systemd import Systemd
from agent.unitdir import UnitDirectory

IDLE = frozenset({"inactive", "failed"})


async def strangers(
    systemd: Systemd, directory: UnitDirectory, statuses: Mapping[str, UnitStatus]
) -> dict[str, str]:
    """Those of the units that the host has from elsewhere, each with where from. Raises HostError."""
    known = [name for name, status in statuses.items() if status.load != "not-found"]
    found = await asyncio.gather(*(systemd.property(name, "FragmentPath") for name in known))
    if not found:
        return {}
    ours = await asyncio.to_thread(are_ours, directory, known, found)
    said = {
        name: stranger(name, statuses[name], fragment, is_ours=is_ours)
        for name, fragment, is_ours in zip(known, found, ours, strict=True)
    }
    return {name: origin for name, origin in said.items() if origin}


def stranger(name: str, status: UnitStatus, fragment: str, *, is_ours: bool) -> str | None:
    """Where a unit of the host comes from, or None when fleet may have the name.

    An instance that systemd made from a template of the host's, and that does not run, is nobody's.
    """
    if is_ours:
        return None
    if status.load == "masked":
        return f"masked by {fragment or 'the host'}"
    if status.active in IDLE and PurePath(fragment).name != name:
        return None
    return fragment or f"made by systemd itself, {status.active}"


def are_ours(directory: UnitDirectory, names: Sequence[str], paths: Sequence[str]) -> list[bool]:
    """Whether each path leads to fleet's file of that unit. Blocks."""
    pairs = zip(names, paths, strict=True)
    return [Path(path).resolve() == directory.path_of(name).resolve() for name, path in pairs]
