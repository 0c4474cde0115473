"""Versions, compared as semantic versioning says. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

_FORM = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")
_WARNING = """\
####################################################################
WARNING: fleetctl ({own}) is older than the latest registered
version of fleet found in the cluster ({latest}). You are strongly
recommended to upgrade fleetctl to prevent incompatibility issues.
####################################################################"""

Rank = tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]


def rank(version: str) -> Rank | None:
    """What orders versions; None for what is none (one with a leading `v` is none, as in fleet 1.0)."""
    found = _FORM.fullmatch(version)
    if found is None:
        return None
    major, minor, patch = (int(found[n]) for n in (1, 2, 3))
    parts = tuple(_part(part) for part in (found[4] or "").split(".") if part)
    return major, minor, patch, not parts, parts


def _part(part: str) -> tuple[bool, int, str]:
    return (False, int(part), "") if part.isdigit() else (True, 0, part)


def warning(own: str, others: Iterable[str]) -> str:
    """What is said when one of the others is newer; empty when none is."""
    mine = rank(own.removeprefix("v"))
    ranked = [(order, version) for version in others if (order := rank(version)) is not None]
    if mine is None or not ranked:
        return ""
    latest = max(ranked)
    return _WARNING.format(own=own, latest=latest[1]) if latest[0] > mine else ""
