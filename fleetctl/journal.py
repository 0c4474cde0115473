"""Lines of `journalctl --output json` as people read them. Pure."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any


def read(raw: str) -> tuple[float | None, str]:
    """The time of an entry, in seconds since the epoch, and its text; other lines stay as they are."""
    try:
        entry = json.loads(raw)
        at = int(entry["__REALTIME_TIMESTAMP"]) / 1e6
    except (ValueError, KeyError, TypeError):
        return None, raw
    who = str(entry.get("SYSLOG_IDENTIFIER") or entry.get("_COMM") or "-")
    pid = entry.get("_PID") or entry.get("SYSLOG_PID")
    who += f"[{pid}]" if pid else ""
    moment = datetime.fromtimestamp(at).astimezone()
    return at, f"{moment:%b %d %H:%M:%S} {who}: {_message(entry.get('MESSAGE'))}"


def _message(said: Any) -> str:
    """What is not UTF-8 comes as a list of bytes."""
    if isinstance(said, list):
        return bytes(b for b in said if isinstance(b, int) and 0 <= b < 256).decode(errors="backslashreplace")
    return said if isinstance(said, str) else ""
