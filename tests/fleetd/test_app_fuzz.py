"""Whatever is asked, in whatever words: an answer, and never one that blames us."""

import asyncio
import json
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fleetd.api.app import App, Gate
from fleetd.api.call import Answer, Call
from fleetd.api.pictures import Pictures
from fleetd.api.services import Services
from registry.memory import MemoryRegistry, MemoryStore

METHODS = st.sampled_from(["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "x"])
WORDS = st.sampled_from(
    [
        "",
        "fleet",
        "v1",
        "v1-alpha",
        "units",
        "state",
        "machines",
        "discovery",
        "metrics",
        "a.service",
        "t@.service",
    ]
)
PATHS = st.one_of(
    st.lists(WORDS | st.text(max_size=4), max_size=5).map("/".join).map("/{}".format),
    st.sampled_from(["units", "state"]).flatmap(
        lambda kind: st.text(max_size=6).map(f"/fleet/v1/{kind}/{{}}.service".format)
    ),
    st.sampled_from(["/fleet/v1/units/a.service", "/fleet/v1/machines", "/v1-alpha/state", "*"]),
)
TEXT = st.text(max_size=6) | st.sampled_from(
    ["Service", "X-Fleet", "Global", "Conflicts", "true", "launched"]
)
OPTION = st.fixed_dictionaries({}, optional={"section": TEXT, "name": TEXT, "value": TEXT | st.none()})
UNIT = st.fixed_dictionaries({}, optional={"options": st.lists(OPTION, max_size=3), "desiredState": TEXT})
PATCH = st.lists(st.fixed_dictionaries({}, optional={"op": TEXT, "path": PATHS, "value": TEXT}), max_size=2)
JSON: st.SearchStrategy[Any] = UNIT | PATCH | st.dictionaries(TEXT, TEXT, max_size=2)
BODIES = JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=20)


async def answer(method: str, path: str, query: str, body: bytes) -> Answer:
    """What a new cluster says to this."""

    async def read() -> bytes:
        return body

    registry = MemoryRegistry(MemoryStore())
    pictures = Pictures(registry)
    gate = Gate()
    gate.open = True
    running = asyncio.create_task(pictures.run())
    try:
        app = App(Services(registry, pictures, 3), gate)
        call = Call(method, "", read, content_types=("application/json",))
        return await app.answer(call, path, query)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


@given(METHODS, PATHS, st.text("aneP=&%+;T3", max_size=12), BODIES)
def test_every_request_has_an_answer_that_clients_can_read(
    method: str, path: str, query: str, body: bytes
) -> None:
    said = asyncio.run(answer(method, path, query, body))
    assert said.status in (200, 201, 204, 301, 400, 404, 405, 409)
    if said.status >= 400:
        error = json.loads(said.body)["error"]
        assert error["code"] == said.status
    if said.body and said.content_type == "application/json":
        json.loads(said.body.decode())
