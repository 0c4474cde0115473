"""How writes are cut into transactions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from registry.keyvalue.transactions import (
    MAX_BYTES,
    MAX_OPERATIONS,
    Delete,
    Put,
    Transaction,
    batches,
    created_at,
)

GUARDS = (created_at("leader", 7),)

plain = st.builds(Put, st.sampled_from("abcdef"), st.binary(max_size=3)) | st.builds(
    Delete, st.sampled_from("abcdef")
)
guarded = st.builds(lambda put, n: Transaction((created_at("x", n),), (put,)), plain, st.integers(0, 3))


def keys_of(transaction: Transaction) -> list[str]:
    """All keys that it writes, in inner transactions too."""
    keys: list[str] = []
    for operation in transaction.operations:
        keys += keys_of(operation) if isinstance(operation, Transaction) else [operation.key]
    return keys


@given(st.lists(plain, max_size=300))
def test_the_last_word_on_each_key_counts_and_no_key_occurs_twice_at_once(
    operations: list[Put | Delete],
) -> None:
    said: dict[str, Put | Delete] = {}
    for transaction in batches(GUARDS, operations):
        assert transaction.guards == GUARDS
        keys = keys_of(transaction)
        assert len(keys) == len(set(keys)) <= MAX_OPERATIONS
        said.update({op.key: op for op in transaction.operations if not isinstance(op, Transaction)})
    assert said == {op.key: op for op in operations}


@given(st.lists(guarded, max_size=30))
def test_words_with_guards_of_their_own_are_all_said_in_order(operations: list[Transaction]) -> None:
    transactions = list(batches(GUARDS, operations))
    assert [op for transaction in transactions for op in transaction.operations] == operations
    assert all(len(set(keys)) == len(keys) for keys in map(keys_of, transactions))


def test_many_operations_take_as_few_transactions_as_possible() -> None:
    puts = [Put(f"k{n}", b"") for n in range(250)]
    transactions = list(batches((), puts))
    assert [len(t.operations) for t in transactions] == [100, 100, 50]
    assert [op for t in transactions for op in t.operations] == puts


def test_large_operations_stay_below_the_size_of_a_request() -> None:
    puts = [Put(f"k{n}", b"x" * (MAX_BYTES // 3)) for n in range(7)]
    assert [len(t.operations) for t in batches((), puts)] == [2, 2, 2, 1]


def test_one_operation_that_is_too_large_is_left_to_the_store_to_refuse() -> None:
    puts = [Put("a", b""), Put("b", b"x" * 2 * MAX_BYTES), Put("c", b"")]
    assert [len(t.operations) for t in batches((), puts)] == [1, 1, 1]


def test_nothing_takes_no_transaction() -> None:
    assert list(batches(GUARDS, [])) == []
