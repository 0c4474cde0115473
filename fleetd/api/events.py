"""The changes of the cluster as a stream of server-sent events (docs/API.md)."""

from collections.abc import AsyncGenerator, Iterator

from fleetd.api import wire
from fleetd.api.call import Answer, Call
from fleetd.api.errors import ApiError
from fleetd.api.feed import Batch
from fleetd.api.services import Services

BEAT = 15.0
"""Seconds without an event after which a comment shows that the stream lives."""
ALIVE = b": still here\n\n"


async def get_events(services: Services, call: Call) -> Answer:
    """The stream, from the revision that the client saw last."""
    since = _revision(call.last_event_id or call.parameter("since"))
    feed, gate = services.pictures.feed, services.gate

    async def stream() -> AsyncGenerator[bytes, None]:
        async for batches in feed.listen(since, beat=BEAT):
            if not gate.open:
                return
            yield b"".join(piece for batch in batches for piece in written(batch)) or ALIVE

    return Answer(200, content_type="text/event-stream", stream=stream)


def written(batch: Batch) -> Iterator[bytes]:
    """The events of one revision; its number comes with the last one, when all of it has been told."""
    for number, event in enumerate(batch.events, start=1):
        id = f"id: {batch.revision}\n".encode() if number == len(batch.events) else b""
        yield f"event: {event.kind}\ndata: ".encode() + wire.encode(event.data) + b"\n" + id + b"\n"


def _revision(text: str) -> int | None:
    """The revision that was seen last. Raises ApiError."""
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 20:
        raise ApiError(400, "the last event ID is no revision")
    return int(text)
