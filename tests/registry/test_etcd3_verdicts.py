"""What etcd's failures mean."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from registry.etcd3.faults import Cancelled, EndedEarly, Verdict, cause, fault_of, verdict
from registry.etcd3.history import History
from registry.etcd3.messages import range_end

Code = grpc.StatusCode

CASES = {
    "a refused connection was never used": (
        Code.UNAVAILABLE,
        "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: Connection refused",
        Verdict.NOT_CARRIED_OUT,
    ),
    "a member without a leader does nothing": (
        Code.UNAVAILABLE,
        "etcdserver: no leader",
        Verdict.NOT_CARRIED_OUT,
    ),
    "a change of leader leaves it open": (Code.UNAVAILABLE, "etcdserver: leader changed", Verdict.UNKNOWN),
    "a closed socket leaves it open": (Code.UNAVAILABLE, "Socket closed", Verdict.UNKNOWN),
    "a time-out of ours leaves it open": (Code.DEADLINE_EXCEEDED, "Deadline Exceeded", Verdict.UNKNOWN),
    "a time-out of etcd leaves it open": (
        Code.UNAVAILABLE,
        "etcdserver: request timed out, possibly due to previous leader failure",
        Verdict.UNKNOWN,
    ),
    "a full disk may be emptied": (
        Code.RESOURCE_EXHAUSTED,
        "etcdserver: mvcc: database space exceeded",
        Verdict.UNKNOWN,
    ),
    "a void token is renewed": (Code.UNAUTHENTICATED, "etcdserver: invalid auth token", Verdict.LOG_IN),
    "a missing name is given": (Code.INVALID_ARGUMENT, "etcdserver: user name is empty", Verdict.LOG_IN),
    "a wrong password stays wrong": (
        Code.INVALID_ARGUMENT,
        "etcdserver: authentication failed, invalid user ID or password",
        Verdict.REFUSED,
    ),
    "a denied permission stays denied": (
        Code.PERMISSION_DENIED,
        "etcdserver: permission denied",
        Verdict.REFUSED,
    ),
    "a request that is too large stays too large": (
        Code.INVALID_ARGUMENT,
        "etcdserver: request is too large",
        Verdict.REFUSED,
    ),
    "a message that is too large stays too large": (
        Code.RESOURCE_EXHAUSTED,
        "grpc: received message larger than max (2097215 vs. 2097152)",
        Verdict.REFUSED,
    ),
    "a server of something else": (Code.UNIMPLEMENTED, "unknown service etcdserverpb.KV", Verdict.REFUSED),
    "a lease that has ended": (
        Code.NOT_FOUND,
        "etcdserver: requested lease not found",
        Verdict.LEASE_GONE,
    ),
    "a past that is gone": (
        Code.OUT_OF_RANGE,
        "etcdserver: mvcc: required revision has been compacted",
        Verdict.COMPACTED,
    ),
}


@pytest.mark.parametrize(("code", "details", "meaning"), CASES.values(), ids=CASES)
def test_a_failure_means(code: grpc.StatusCode, details: str, meaning: Verdict) -> None:
    assert verdict(code, details) is meaning


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (TimeoutError(), Verdict.NOT_CARRIED_OUT),
        (EndedEarly(), Verdict.UNKNOWN),
        (asyncio.InvalidStateError(), Verdict.UNKNOWN),
        (asyncio.CancelledError(), Verdict.UNKNOWN),
        (Cancelled("", 17), Verdict.COMPACTED),
        (Cancelled("etcdserver: permission denied", 0), Verdict.LOG_IN),
    ],
)
async def test_an_error_of_a_stream_means(error: BaseException, meaning: Verdict) -> None:
    assert fault_of(error).verdict is meaning


async def test_a_true_cancellation_is_no_fault() -> None:
    async def cancelled() -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError as error:
            fault_of(error)

    task = asyncio.create_task(cancelled())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_cause_is_the_innermost_reason() -> None:
    details = "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: Connection refused"
    assert cause(Code.UNAVAILABLE, details) == "Connection refused"
    assert cause(Code.UNAVAILABLE, "etcdserver: leader changed") == "leader changed"
    hint = "too few members of its cluster are up, or one is being elected"
    assert cause(Code.UNAVAILABLE, "etcdserver: no leader") == f"no leader ({hint})"
    assert cause(Code.DEADLINE_EXCEEDED, "Deadline Exceeded").startswith("no answer in time")
    assert cause(Code.UNKNOWN, "context deadline exceeded").startswith("no answer in time")
    assert cause(Code.DATA_LOSS, "") == "data loss"


@pytest.mark.parametrize(
    ("start", "end"),
    [(b"/a/", b"/a0"), (b"a\xff", b"b"), (b"\xff", b"\0"), (b"", b"\0"), (b"\xfe\xff\xff", b"\xff")],
)
def test_a_range_ends_where_the_first_other_beginning_would_be(start: bytes, end: bytes) -> None:
    assert range_end(start) == end


def test_a_past_goes_on_or_is_another_one() -> None:
    seen = History(cluster=1, term=5, revision=100)
    assert History(1, 5, 100).continues(seen)
    assert History(1, 6, 170).continues(seen)
    assert not History(2, 9, 170).continues(seen)
    assert not History(1, 2, 170).continues(seen)
    assert not History(1, 5, 99).continues(seen)
