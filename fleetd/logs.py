"""Log lines as fleet 1.0 wrote them: `<LEVEL> <file>:<line>: <message>`, no time (the journal adds it)."""

import logging
import sys
from collections.abc import Mapping

from fleetd import journal

FATAL = logging.CRITICAL
_LEVELS = {logging.WARNING: "WARN", logging.CRITICAL: "FATAL"}
_TALKATIVE = ("asyncio", "aiohttp", "urllib3")


class _Formatter(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:
        level = _LEVELS.get(record.levelno, record.levelname)
        return f"{level} {record.filename}:{record.lineno}: {record.message}"


def begin(environment: Mapping[str, str]) -> None:
    """Send what everybody logs, from INFO on, to journald with its fields, or else to standard error."""
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    if journal.is_listening(environment):
        handler = journal.JournalHandler()
    handler.setFormatter(_Formatter())
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    for library in _TALKATIVE:
        logging.getLogger(library).setLevel(logging.WARNING)


def set_verbosity(verbosity: int) -> None:
    """Debug messages too, if it is above 0."""
    logging.getLogger().setLevel(logging.DEBUG if verbosity > 0 else logging.INFO)
