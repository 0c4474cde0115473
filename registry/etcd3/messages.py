"""From what the registry says to what etcd understands. Pure."""

from __future__ import annotations

from typing import Any, assert_never

from registry.etcd3.stubs import Stubs
from registry.keys import Range
from registry.keyvalue.transactions import Delete, Guard, Operation, Put, Transaction


def range_end(start: bytes) -> bytes:
    """The end of the range of all keys that begin with `start`."""
    head = start.rstrip(b"\xff")
    return head[:-1] + bytes([head[-1] + 1]) if head else b"\0"


def bounds(part: Range) -> tuple[bytes, bytes]:
    """A range as etcd has it: its first key, and its end; no end is one key."""
    start = part.start.encode()
    return start, range_end(start) if part.tree else b""


def transaction_request(stubs: Stubs, transaction: Transaction) -> Any:
    """A transaction as the message that etcd takes."""
    return stubs.TxnRequest(
        compare=[_compare(stubs, guard) for guard in transaction.guards],
        success=[_operation(stubs, operation) for operation in transaction.operations],
    )


def reading_request(stubs: Stubs, ranges: list[Any]) -> Any:
    """A transaction that reads several ranges at one revision."""
    return stubs.TxnRequest(success=[stubs.RequestOp(request_range=request) for request in ranges])


def _compare(stubs: Stubs, guard: Guard) -> Any:
    """`Trait` and `Relation` are named after the fields and words of etcd."""
    target = {"create_revision": "CREATE", "mod_revision": "MOD", "value": "VALUE"}[guard.trait.value]
    return stubs.Compare(
        key=guard.key.encode(),
        result=guard.relation.name,
        target=target,
        **{guard.trait.value: guard.expected},
    )


def _operation(stubs: Stubs, operation: Operation) -> Any:
    match operation:
        case Put(key, value, lease):
            return stubs.RequestOp(request_put=stubs.PutRequest(key=key.encode(), value=value, lease=lease))
        case Delete(key, tree):
            start, end = bounds(Range(key, tree))
            return stubs.RequestOp(request_delete_range=stubs.DeleteRangeRequest(key=start, range_end=end))
        case Transaction():
            return stubs.RequestOp(request_txn=transaction_request(stubs, operation))
        case _:
            assert_never(operation)
