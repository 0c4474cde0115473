"""Reading whole ranges at one revision, however large they are.

Rule 1: all pages are of the revision of the first one, which is never older than the call.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from registry.etcd3.client import Client
from registry.etcd3.history import History
from registry.etcd3.messages import bounds, reading_request
from registry.keys import Range
from registry.tables import Change

KEYS_PER_PAGE: Final = 2000


@dataclass(frozen=True, slots=True)
class Page:
    """Some keys of one range."""

    part: int
    changes: tuple[Change, ...]
    history: History


async def pages(client: Client, ranges: Sequence[Range]) -> AsyncIterator[Page]:
    """All keys of some ranges. Raises Unavailable, Refused, Compacted (then it starts anew)."""
    requests = [_request(client, *bounds(part)) for part in ranges]
    first = await client.call(
        "KV.Txn", reading_request(client.stubs, requests), again=True, timeout=client.patience
    )
    history = History.of(first.header)
    for part, response in enumerate(first.responses):
        answer = response.response_range
        yield Page(part, _changes(answer), history)
        while answer.more:
            start = answer.kvs[-1].key + b"\0"
            request = _request(client, start, bounds(ranges[part])[1], revision=history.revision)
            answer = await client.call("KV.Range", request, again=True, timeout=client.patience)
            yield Page(part, _changes(answer), history)


async def now(client: Client) -> History:
    """What etcd is at: all that was committed before is of its revision or older. Raises Unavailable."""
    request = client.stubs.RangeRequest(key=b"\0", count_only=True)
    return History.of((await client.call("KV.Range", request, again=True)).header)


def newer(client: Client, part: Range, revision: int) -> Any:
    """Asks for one key of a range that is newer than a revision, and for how many keys there are in all."""
    start, end = bounds(part)
    return client.stubs.RangeRequest(
        key=start, range_end=end, min_mod_revision=revision + 1, limit=1, keys_only=True
    )


def _request(client: Client, start: bytes, end: bytes, *, revision: int = 0) -> Any:
    return client.stubs.RangeRequest(key=start, range_end=end, limit=KEYS_PER_PAGE, revision=revision)


def _changes(answer: Any) -> tuple[Change, ...]:
    return tuple(
        Change(kv.key.decode(errors="backslashreplace"), kv.value, kv.mod_revision) for kv in answer.kvs
    )
