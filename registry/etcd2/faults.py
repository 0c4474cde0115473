"""What an answer of etcd's v2 API means, or the lack of one. Pure.

Rule 1: a write is sent again only when it is certain that it was never carried out.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from registry.etcd2.door import Failed, Failure, Reply

KEY_NOT_FOUND: Final = 100
COMPARE_FAILED: Final = 101
KEY_EXISTS: Final = 105
DIRECTORY_NOT_EMPTY: Final = 108
HISTORY_CLEARED: Final = 401
_PLAIN: Final = frozenset({KEY_NOT_FOUND, COMPARE_FAILED, KEY_EXISTS, DIRECTORY_NOT_EMPTY, HISTORY_CLEARED})
_UNAUTHORIZED: Final = 110
_RAFT: Final = range(300, 400)
_NO_V2 = "does not serve the v2 API (start it with --enable-v2=true, or set etcd_api=3)"


class Verdict(Enum):
    """What to do about a request."""

    ANSWERED = auto()
    NOT_CARRIED_OUT = auto()
    """It did not reach a member that can serve it: another one may be asked, writes too."""
    UNKNOWN = auto()
    """It may have been carried out, or not."""
    REFUSED = auto()
    """This member will never do it, and has not done it."""


_BY_FAILURE: Final = {
    Failure.NOT_SENT: Verdict.NOT_CARRIED_OUT,
    Failure.UNKNOWN: Verdict.UNKNOWN,
    Failure.NO_TRUST: Verdict.REFUSED,
}


def code(reply: Reply) -> int:
    """The error code in an answer, 0 for none."""
    found = (reply.body or {}).get("errorCode", 0)
    return found if isinstance(found, int) else 0


def verdict(outcome: Reply | Failed) -> Verdict:
    """What an answer means, or the lack of one."""
    if isinstance(outcome, Failed):
        return _BY_FAILURE[outcome.failure]
    if outcome.status >= 500 or code(outcome) in _RAFT:
        return Verdict.UNKNOWN
    if code(outcome) in _PLAIN or (outcome.status < 300 and outcome.body and "node" in outcome.body):
        return Verdict.ANSWERED
    return Verdict.REFUSED


def cause(outcome: Reply | Failed) -> str:
    """Why it failed, in few words."""
    if isinstance(outcome, Failed):
        return str(outcome)
    body = outcome.body or {}
    if outcome.status == 401 or code(outcome) == _UNAUTHORIZED:
        return f"user or password is wrong, or lacks the rights: {body.get('message') or outcome.text}"
    if outcome.status == 404 and outcome.body is None:
        return _NO_V2
    if message := body.get("message"):
        return f"{message} ({body.get('cause') or outcome.status})"
    return f"answered with HTTP status {outcome.status}: {outcome.text or 'nothing'}"
