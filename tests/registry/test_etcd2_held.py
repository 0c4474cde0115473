"""A key that is held: what is seen of it, late or by another member, does not make it somebody else's."""

from __future__ import annotations

from typing import Any, cast

import pytest

from registry.etcd2.client import Answer, Client
from registry.etcd2.faults import COMPARE_FAILED
from registry.etcd2.held import HeldKey
from registry.etcd2.nodes import Node

CREATED = 5


class Etcd:
    """One key, written if its index is the one that is expected."""

    def __init__(self, value: str) -> None:
        self.node = Node(value, CREATED, CREATED)
        self.seen = [self.node]

    async def put(self, path: str, value: str, *, ttl: int, prevIndex: int) -> Answer:
        if prevIndex != self.node.modified:
            return Answer(COMPARE_FAILED, self.node.modified)
        self.node = Node(value, CREATED, self.node.modified + 1)
        self.seen.append(self.node)
        return Answer(0, self.node.modified)

    async def get(self, path: str) -> Answer:
        fields: dict[str, Any] = {
            "value": self.node.value,
            "createdIndex": self.node.created,
            "modifiedIndex": self.node.modified,
        }
        return Answer(0, self.node.modified, fields)


@pytest.fixture
def server() -> Etcd:
    return Etcd("first")


@pytest.fixture
def held(server: Etcd) -> HeldKey:
    return HeldKey(cast(Client, server), "machines/m/object", server.node, ttl=10)


async def test_its_own_earlier_words_are_no_loss_however_late_they_are_seen(
    server: Etcd, held: HeldKey
) -> None:
    assert await held.change("second")
    assert await held.change("third")
    for node in server.seen:
        assert not held.is_lost(node, node.modified), node


async def test_a_word_of_its_own_that_is_seen_before_its_answer_is_no_loss(
    server: Etcd, held: HeldKey
) -> None:
    put = server.put

    async def seen_first(path: str, value: str, *, ttl: int, prevIndex: int) -> Answer:
        answer = await put(path, value, ttl=ttl, prevIndex=prevIndex)
        assert not held.is_lost(server.node, server.node.modified)
        return answer

    server.put = seen_first  # type: ignore[method-assign]
    assert await held.change("second")


@pytest.mark.parametrize(
    "node",
    [None, Node("another", CREATED, 7), Node("second", 7, 7)],
    ids=["gone", "another's value", "made anew"],
)
async def test_what_somebody_else_did_after_its_last_word_is_a_loss(held: HeldKey, node: Node | None) -> None:
    assert await held.change("second")
    assert held.is_lost(node, 7)


async def test_what_was_there_before_it_is_no_loss(held: HeldKey) -> None:
    assert not held.is_lost(None, CREATED - 1)
    assert not held.is_lost(Node("an earlier daemon's", 2, 4), CREATED - 1)


async def test_it_is_not_written_over_what_somebody_else_has_written(server: Etcd, held: HeldKey) -> None:
    server.node = Node("another", CREATED, 7)
    assert not await held.change("second")
    assert server.node.value == "another"
