"""The planner's indexes say what a plain search would say."""

from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.hosts import Hosts
from engine.inorder import BLOCK, InOrder
from engine.order import Order
from engine.patterns import ConflictIndex, PatternBook
from engine.queue import FEW, Queue
from units.glob import glob_match
from units.machine import Machine
from units.placement import conflict_between
from units.requirements import Requirements

letters = st.text("ab*?[]\\", max_size=4)
words = st.text("ab", min_size=1, max_size=4)


@example(patterns=["a*", "ab[a]?"], name="a")
@given(st.lists(letters, unique=True), words)
def test_patterns_are_found_by_the_names_they_match(patterns: list[str], name: str) -> None:
    book = PatternBook()
    for pattern in patterns:
        book.add(pattern)
    assert sorted(book.matching(name)) == sorted(p for p in patterns if glob_match(p, name))
    for pattern in patterns[::2]:
        book.remove(pattern)
    assert sorted(book.matching(name)) == sorted(p for p in patterns[1::2] if glob_match(p, name))


residents = st.dictionaries(words, st.tuples(st.lists(letters, max_size=2), st.sampled_from("xyz")))


@given(residents, residents, words, st.lists(letters, max_size=2))
def test_conflicts_are_found_on_the_machines_where_they_are(
    first: dict[str, tuple[list[str], str]],
    later: dict[str, tuple[list[str], str]],
    name: str,
    patterns: list[str],
) -> None:
    index, wants = ConflictIndex(), Requirements(conflicts=tuple(patterns))
    there: dict[str, tuple[Requirements, str]] = {}
    for round in (first, later):
        for other, (theirs, machine) in round.items():
            if other in there:
                index.take(other, *there.pop(other))
            if other != name:
                there[other] = (Requirements(conflicts=tuple(theirs)), machine)
                index.put(other, *there[other])
        expected = {m for o, (of, m) in there.items() if conflict_between(name, wants, o, of)}
        assert set().union(*index.against(name, wants)) == expected


@settings(max_examples=20)
@given(st.integers(0, 99), st.text("012", max_size=3))
def test_things_in_order_stay_in_order_whatever_comes_and_goes(seed: int, prefix: str) -> None:
    names = [f"{n:06}" for n in range(0, 15 * BLOCK, 3)]
    Random(seed).shuffle(names)
    index: InOrder[str] = InOrder(names[:BLOCK])
    for name in names[BLOCK:]:
        index.add(name)
    for name in names[::2]:
        index.remove(name)
    assert list(index) == sorted(names[1::2])
    assert list(index.since(prefix)) == sorted(n for n in names[1::2] if n >= prefix)


@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdefg"), max_size=3)))
def test_peers_come_before_their_followers_unless_they_follow_each_other(
    follows: dict[str, list[str]],
) -> None:
    order = Order()
    for name, peers in follows.items():
        order.follow(name, tuple(peers))
    for name, peers in follows.items():
        for peer in peers:
            if name not in reach(peer, follows):
                assert order.rank(peer) < order.rank(name)
    told_otherwise = Order()
    for name, peers in reversed(follows.items()):
        told_otherwise.follow(name, ("x", *peers))
        told_otherwise.follow(name, tuple(peers))
    assert [order.rank(n) for n in "abcdefg"] == [told_otherwise.rank(n) for n in "abcdefg"]


def reach(start: str, follows: dict[str, list[str]]) -> set[str]:
    found, pending = {start}, [start]
    while pending:
        for peer in follows.get(pending.pop(), ()):
            if peer not in found:
                found.add(peer)
                pending.append(peer)
    return found


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2 * FEW), st.sampled_from("ab")), max_size=300))
def test_a_queue_is_in_the_order_of_its_ranks_whoever_came_and_went(
    steps: list[tuple[bool, int, str]],
) -> None:
    queue, expected = Queue(), dict[str, tuple[str, int, str]]()
    for number, (comes, who, root) in enumerate(steps):
        name = f"{who:03}"
        if comes:
            expected[name] = (root, -1, name)
            queue.join(name, expected[name])
        else:
            expected.pop(name, None)
            queue.leave(name)
        if number % 7 == 0:
            assert list(queue) == sorted(expected.values())
    assert list(queue) == sorted(expected.values())


metadata = st.dictionaries(st.sampled_from("kl"), st.sampled_from("12"))


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.none() | metadata, st.integers(0, 3)), max_size=12),
    st.sampled_from("kl"),
)
def test_machines_are_ranked_by_load_among_those_with_the_metadata(
    steps: list[tuple[str, dict[str, str] | None, int]], key: str
) -> None:
    hosts, asked = Hosts(), ((key, frozenset({"1"})),)
    hosts.with_metadata(asked)
    there: dict[str, dict[str, str]] = {}
    for id, of, load in steps:
        if id in there:
            hosts.shift(id, -hosts.load(id))
        hosts.replace({id: None if of is None else Machine(id, metadata=of)})
        if of is None:
            there.pop(id, None)
            hosts.forget(id)
        else:
            there[id] = of
            hosts.shift(id, load)
        fit = sorted((hosts.load(m), m) for m, md in there.items() if md.get(key) == "1")
        assert list(hosts.with_metadata(asked).order) == fit
        assert hosts.outside(hosts.with_metadata(asked))[0] == len(there) - len(fit)
        assert list(hosts.everywhere.order) == sorted((hosts.load(m), m) for m in there)
