"""What the failures of etcd and gRPC mean for us: library errors end here.

Rule 1: a write is sent again only when it is certain that it was never carried out.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

import grpc
import grpc.aio

from registry.errors import NO_ANSWER, NO_CONNECTION, RegistryError, Unavailable

Code: Final = grpc.StatusCode


class Compacted(RegistryError):
    """The history asked for is gone: read the present. Never leaves this package."""


class Verdict(Enum):
    """What to do about a failed request."""

    NOT_CARRIED_OUT = auto()
    """It did not reach a server that can serve it: another one may be asked, writes too."""
    UNKNOWN = auto()
    """It may have been carried out, or not."""
    LOG_IN = auto()
    """The server does not know who asks: log in, and ask again."""
    COMPACTED = auto()
    """It asked for a past that is gone."""
    LEASE_GONE = auto()
    """It named a lease that has ended."""
    REFUSED = auto()
    """No server will ever do it."""


_BY_WORDS: Final = (
    ("failed to connect to all addresses", Verdict.NOT_CARRIED_OUT),
    ("connections to all backends failing", Verdict.NOT_CARRIED_OUT),
    ("etcdserver: no leader", Verdict.NOT_CARRIED_OUT),
    ("etcdserver: too many requests", Verdict.NOT_CARRIED_OUT),
    ("invalid auth token", Verdict.LOG_IN),
    ("revision in header is old", Verdict.LOG_IN),
    ("user name is empty", Verdict.LOG_IN),
    ("requested lease not found", Verdict.LEASE_GONE),
    ("has been compacted", Verdict.COMPACTED),
    ("message larger than max", Verdict.REFUSED),
)
_BY_CODE: Final = {
    Code.UNAUTHENTICATED: Verdict.LOG_IN,
    Code.PERMISSION_DENIED: Verdict.REFUSED,
    Code.INVALID_ARGUMENT: Verdict.REFUSED,
    Code.UNIMPLEMENTED: Verdict.REFUSED,
    Code.FAILED_PRECONDITION: Verdict.REFUSED,
}
_WRAPPING = re.compile(r"^(UNKNOWN: |UNAVAILABLE: |ipv[46]:\S+: |etcdserver: )*")
_CERTIFICATE: Final = (
    "certificate_verify_failed",
    "certificate verify failed",
    "peer name",
    "wrong_version_number",
    "alert_bad_certificate",
    "alert_unknown_ca",
    "certificate_required",
)
_HINTS: Final = (
    ("http1.x server", " (it has no v3 API, as etcd 2.x: set etcd_api=2; or it wants TLS)"),
    ("TSI_DATA_CORRUPTED", " (it may want a client certificate that it trusts)"),
    ("ALERT_BAD_CERTIFICATE", " (it wants a client certificate that it trusts)"),
    ("ALERT_UNKNOWN_CA", " (it wants a client certificate that it trusts)"),
    ("CERTIFICATE_REQUIRED", " (it wants a client certificate that it trusts)"),
    ("user name is empty", " (it wants a user: etcd_username and etcd_password)"),
    ("no leader", " (too few members of its cluster are up, or one is being elected)"),
    ("handshaker shutdown", f" ({NO_CONNECTION})"),
    ("Handshake read failed", " (it may not speak TLS: then its URL begins with http://)"),
)


def verdict(code: Any, details: str) -> Verdict:
    """What a status of gRPC with the words of etcd means."""
    for words, meaning in _BY_WORDS:
        if words in details:
            return meaning
    return _BY_CODE.get(code, Verdict.UNKNOWN)


class EndedEarly(Exception):
    """A stream has ended without an answer."""


class Cancelled(Exception):
    """etcd has ended a watch."""

    def __init__(self, reason: str, compacted: int) -> None:
        super().__init__(reason or f"compacted at revision {compacted}")
        self.compacted = compacted


@dataclass(frozen=True, slots=True)
class Fault:
    """A failed request: what it means, and why it failed in few words for people."""

    verdict: Verdict
    why: str

    @property
    def is_about_certificates(self) -> bool:
        """Whether a connection failed because one side does not trust the other."""
        return any(words in self.why.lower() for words in _CERTIFICATE)


FAULTS: Final = (
    grpc.aio.AioRpcError,
    grpc.aio.UsageError,
    asyncio.InvalidStateError,
    asyncio.CancelledError,
    TimeoutError,
    EndedEarly,
    Cancelled,
)
"""What requests and streams of grpc.aio raise."""


def fault_of(error: BaseException) -> Fault:
    """What one of FAULTS means; a cancellation of the running task is none, and is raised again."""
    match error:
        case grpc.aio.AioRpcError():
            details = error.details() or ""
            return Fault(verdict(error.code(), details), cause(error.code(), details))
        case Cancelled(compacted=revision) if revision:
            return Fault(Verdict.COMPACTED, str(error))
        case Cancelled():
            # A void token is called a denied permission here; a true denial shows at the next reading.
            return Fault(Verdict.LOG_IN, str(error))
        case TimeoutError():
            return Fault(Verdict.NOT_CARRIED_OUT, NO_CONNECTION)
        case asyncio.CancelledError():
            # grpc.aio raises this in whoever reads from a channel that is closed.
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise error
            return Fault(Verdict.UNKNOWN, "the connection was closed")
        case _:
            return Fault(Verdict.UNKNOWN, "the stream has ended")


def cause(code: Any, details: str) -> str:
    """Why a request failed, in few words: what etcd says, or the innermost reason of gRPC."""
    if code is Code.DEADLINE_EXCEEDED or details.endswith("context deadline exceeded"):
        return NO_ANSWER
    inner = _WRAPPING.sub("", details.rpartition("last error: ")[2])
    hint = next((said for words, said in _HINTS if words in inner), "")
    if inner == "Socket closed" and "failed to connect" in details:
        hint = " (it may speak TLS: then its URL begins with https://)"
    return (inner or str(code.name).lower().replace("_", " ")) + hint


def unavailable(address: str, why: str) -> Unavailable:
    """The error that says which member did not answer, and why."""
    return Unavailable(f"etcd at {address}: {why}")
