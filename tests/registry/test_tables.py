"""Pictures out of changes."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from registry import codec
from registry.keys import Keys
from registry.records import Leader, Picture
from registry.tables import Change, Tables, same_content
from tests.registry.builders import bid, entry, job, machine, offer, report, unit_file

KEYS = Keys.under("/f/")
A, B, M, N = "a.service", "b.service", "m1", "m2"

VALUES: Mapping[str, tuple[bytes, ...]] = {
    KEYS.job(A, is_global=False): (codec.encode_job(job(A)), b"?"),
    KEYS.job(A, is_global=True): (codec.encode_job(job(A)),),
    KEYS.schedule(M, A): (codec.encode_job(entry()), b"?"),
    KEYS.schedule(N, A): (codec.encode_job(entry()),),
    KEYS.offer(M, A): (codec.encode_offer(offer()),),
    KEYS.bid(A, M): (codec.encode_bid(bid()), codec.encode_bid(bid(refusal="no"))),
    KEYS.machine(M): (codec.encode_machine(machine(M, a="1")), codec.encode_machine(machine(M)), b"{}"),
    KEYS.metadata(M, "a"): (b"2", b"", b"\xff"),
    KEYS.metadata(M, "b"): (b"3",),
    KEYS.state(M, B): (codec.encode_report(report()),),
    KEYS.unit(unit_file().hash): (codec.encode_file(unit_file()), b"other"),
    KEYS.leader: (codec.encode_leader(Leader(M)),),
    KEYS.prefix + "later/x": (b"?",),
}

writes = st.sampled_from(sorted(VALUES)).flatmap(
    lambda key: st.tuples(st.just(key), st.none() | st.sampled_from(VALUES[key]))
)
# A name is in job/ or in global/, never in both: the transactions see to that.
stories = st.lists(writes, max_size=30).map(
    lambda story: [(k, v) for k, v in story if k != KEYS.job(A, is_global=True)]
)


def told(story: list[tuple[str, bytes | None]], start: Tables | None = None) -> Tables:
    """The tables after each write by itself, at revisions of its own."""
    tables = start or Tables(KEYS)
    for key, value in story:
        revision = tables.picture.revision + 1
        tables = tables.after([Change(key, value, revision)], revision)
    return tables


@given(stories)
def test_one_by_one_all_at_once_and_read_anew_give_the_same_picture(
    story: list[tuple[str, bytes | None]],
) -> None:
    one_by_one = told(story)
    changes = [Change(key, value, at) for at, (key, value) in enumerate(story, 1)]
    at_once = Tables(KEYS).after(changes, len(story))
    left = {change.key: change for change in changes}
    anew = Tables(KEYS).after([c for c in left.values() if c.value is not None], len(story))
    assert one_by_one == at_once == anew


@given(stories, stories)
def test_a_picture_never_changes_after_it_was_given_away(
    before: list[tuple[str, bytes | None]], after: list[tuple[str, bytes | None]]
) -> None:
    tables = told(before)
    copy = repr(tables)
    told(after, tables)
    tables.after([Change(key, value, 99) for key, value in after], 99)
    assert repr(tables) == copy


@given(stories, writes)
def test_a_picture_shares_what_did_not_change(
    story: list[tuple[str, bytes | None]], write: tuple[str, bytes | None]
) -> None:
    before = told(story)
    after = told([write], before)
    touched = [
        name
        for name in Picture.__dataclass_fields__
        if name != "revision" and getattr(before.picture, name) is not getattr(after.picture, name)
    ]
    assert len(touched) <= 2
    assert same_content(before.picture, after.picture) == (not touched)


def test_a_job_that_became_global_stays_when_its_old_place_is_cleared_later() -> None:
    tables = told([(KEYS.job(A, is_global=False), codec.encode_job(job(A)))])
    moved = [
        Change(KEYS.job(A, is_global=True), codec.encode_job(job(A, is_global=True)), 2),
        Change(KEYS.job(A, is_global=False), None, 2),
    ]
    for order in (moved, moved[::-1]):
        assert tables.after(order, 2).picture.jobs == {A: job(A, is_global=True)}


def test_a_known_file_is_not_read_again() -> None:
    file = unit_file()
    change = Change(KEYS.unit(file.hash), codec.encode_file(file), 1)
    tables = Tables(KEYS).after([change], 1, {file.hash: file})
    assert tables.picture.files[file.hash] is file


def test_a_known_file_is_no_excuse_for_a_broken_one() -> None:
    file = unit_file()
    tables = Tables(KEYS).after([Change(KEYS.unit(file.hash), b"x", 1)], 1, {file.hash: file})
    assert tables.picture.files == {}
    assert set(tables.picture.broken) == {KEYS.unit(file.hash)}


def test_a_machine_that_leaves_and_returns_has_its_dynamic_metadata_again() -> None:
    tables = told(
        [
            (KEYS.metadata(M, "b"), b"3"),
            (KEYS.machine(M), codec.encode_machine(machine(M, a="1"))),
            (KEYS.machine(M), None),
            (KEYS.machine(M), codec.encode_machine(machine(M, a="1"))),
        ]
    )
    assert dict(tables.picture.machines[M].metadata) == {"a": "1", "b": "3"}
