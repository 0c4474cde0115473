"""From a request to its handler: the routes of API v1 under both of their prefixes (`spec/api-v1.md` §2).

Rule 1: while the gate is shut every request gets the same 503, whatever it asks.
Rule 2: no error leaves this module unanswered.
"""

import asyncio
import gzip
import html
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from fleetd import metrics
from fleetd.api import discovery, openapi, target
from fleetd.api.call import Answer, Call, error_answer, json_answer
from fleetd.api.checkup import get_doctor, get_metadata
from fleetd.api.errors import ApiError
from fleetd.api.events import get_events
from fleetd.api.gate import Gate as Gate
from fleetd.api.machines import list_machines, patch_machines
from fleetd.api.services import Services
from fleetd.api.state import get_state, list_states
from fleetd.api.units import delete_unit, get_unit, list_units, put_unit
from fleetd.api.whatif import post_plan
from fleetd.api.why import get_why

log = logging.getLogger(__name__)

PREFIXES = ("/fleet/v1", "/v1-alpha")
PLAIN = "text/plain; charset=utf-8"
AWAY = "fleet server unable to communicate with etcd"

Handler = Callable[[Services, Call], Awaitable[Answer]]


async def _discover(services: Services, call: Call) -> Answer:
    return json_answer(discovery.document())


async def _describe(services: Services, call: Call) -> Answer:
    return json_answer(openapi.document())


async def _measure(services: Services, call: Call) -> Answer:
    wants_openmetrics = "application/openmetrics-text" in call.accept
    shown = await metrics.exposition(services.metrics, openmetrics=wants_openmetrics)
    kind = metrics.OPENMETRICS if wants_openmetrics else metrics.PLAIN
    if not _takes_gzip(call.accept_encoding):
        return Answer(200, shown, kind)
    return Answer(200, await asyncio.to_thread(gzip.compress, shown), kind, encoding="gzip")


def _takes_gzip(accept_encoding: str) -> bool:
    """Whether a client can read gzip, by what fleet 1.0 looked at."""
    words = (part.partition(";")[0].strip() for part in accept_encoding.split(","))
    return "gzip" in words


@dataclass(frozen=True, slots=True)
class Resource:
    """What may be done with one path, and what everything else is answered."""

    handlers: Mapping[str, Handler]
    refusal: str
    refusal_status: int = 405

    def handler(self, method: str) -> Handler:
        """The handler of a method. Raises ApiError."""
        try:
            return self.handlers[method]
        except KeyError:
            raise ApiError(self.refusal_status, self.refusal) from None


_ONLY_GET = "only GET supported against this resource"
_COLLECTIONS = {
    "units": Resource({"GET": list_units}, _ONLY_GET),
    "state": Resource({"GET": list_states}, _ONLY_GET),
    "machines": Resource(
        {"GET": list_machines, "PATCH": patch_machines},
        "only GET and PATCH supported against this resource",
    ),
    "discovery": Resource({"GET": _discover}, "only HTTP GET supported against this resource", 400),
    "doctor": Resource({"GET": get_doctor}, _ONLY_GET),
    "events": Resource({"GET": get_events}, _ONLY_GET),
    "metadata": Resource({"GET": get_metadata}, _ONLY_GET),
    "openapi.json": Resource({"GET": _describe}, _ONLY_GET),
    "plan": Resource({"POST": post_plan}, "only POST supported against this resource"),
}
_ITEMS = {
    "units": Resource(
        {"GET": get_unit, "PUT": put_unit, "DELETE": delete_unit},
        "only GET, PUT and DELETE supported against this resource",
    ),
    "state": Resource({"GET": get_state}, _ONLY_GET),
}
_WHY = Resource({"GET": get_why}, _ONLY_GET)


def served() -> Iterator[tuple[str, str]]:
    """Every method and path that is answered, under the first of the prefixes."""
    prefix = PREFIXES[0]
    resources = {f"{prefix}/{word}": resource for word, resource in _COLLECTIONS.items()}
    resources |= {f"{prefix}/{word}/{{unitName}}": resource for word, resource in _ITEMS.items()}
    resources[f"{prefix}/units/{{unitName}}/why"] = _WHY
    for path, resource in resources.items():
        yield from ((method, path) for method in resource.handlers)
    yield from (("GET", path) for path in ("/healthz", "/readyz", "/metrics"))


def route(method: str, path: str) -> tuple[Handler, str]:
    """The handler for a clean, decoded path, and the unit it names. Raises ApiError."""
    if path == "/metrics":
        return _measure, ""
    if path in ("/", *PREFIXES):
        raise ApiError(405)
    for prefix in PREFIXES:
        match path.removeprefix(f"{prefix}/").split("/") if path.startswith(f"{prefix}/") else ():
            case [collection] if collection in _COLLECTIONS:
                return _COLLECTIONS[collection].handler(method), ""
            case [collection, name] if name and collection in _ITEMS:
                return _ITEMS[collection].handler(method), name
            case ["units", name, "why"] if name:
                return _WHY.handler(method), name
    raise ApiError(404)


class App:
    """All of the API behind one function."""

    def __init__(self, services: Services, gate: Gate) -> None:
        self._services = replace(services, gate=gate)
        self._gate = gate

    async def answer(self, call: Call, raw_path: str, raw_query: str) -> Answer:
        """The answer to a request, `call.path` and what depends on it not being filled in yet."""
        if (health := self._health(raw_path)) is not None:
            return health
        if not await self._gate.settled():
            return replace(error_answer(503, AWAY), names_server=False)
        log.debug("HTTP %s %s", call.method, raw_path + (f"?{raw_query}" if raw_query else ""))
        began = asyncio.get_running_loop().time()
        answer = await self._judged(call, raw_path, raw_query)
        seconds = asyncio.get_running_loop().time() - began
        metrics, handler = self._services.metrics, _label(raw_path)
        metrics.requests.add(str(answer.status), handler, _known(call.method))
        metrics.request_seconds.note(seconds, handler)
        if handler == "metrics":
            metrics.scrapes.add(str(answer.status), "prometheus", _known(call.method).lower())
        return answer

    def _health(self, raw_path: str) -> Answer | None:
        """What is answered whether the gate is open or not."""
        if raw_path == "/healthz":
            return Answer(200, b"ok\n", PLAIN)
        if raw_path == "/readyz":
            why_not = self._gate.why_shut()
            return Answer(503 if why_not else 200, f"{why_not or 'ok'}\n".encode(), PLAIN)
        return None

    async def _judged(self, call: Call, raw_path: str, raw_query: str) -> Answer:
        try:
            return await self._routed(call, raw_path, raw_query)
        except ApiError as error:
            return error_answer(error.status, error.message, close=error.status in (408, 413))
        except Exception:
            log.exception("Failed answering %s %s", call.method, raw_path)
            return error_answer(500, "")

    async def _routed(self, call: Call, raw_path: str, raw_query: str) -> Answer:
        if raw_path == "*" and call.method == "OPTIONS":
            return Answer(200)
        path = target.decoded_path(raw_path)
        if path != (clean := target.clean_path(path)):
            return _redirect(call.method, target.location(clean, raw_query))
        handler, name = route(call.method, path)
        asked = replace(call, path=path, name=name, query=target.query(raw_query))
        return await handler(self._services, asked)


def _label(raw_path: str) -> str:
    """Which handler a path belongs to: few words, whatever clients ask for."""
    for prefix in PREFIXES:
        if raw_path.startswith(f"{prefix}/"):
            word = raw_path.removeprefix(f"{prefix}/").partition("/")[0]
            return word if word in _COLLECTIONS else "other"
    return "metrics" if raw_path == "/metrics" else "other"


def _known(method: str) -> str:
    """The method, or that it is none that we have heard of."""
    return method if method in ("GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS") else "other"


def _redirect(method: str, location: str) -> Answer:
    if method not in ("GET", "HEAD"):
        return Answer(301, location=location)
    body = f'<a href="{html.escape(location)}">Moved Permanently</a>.\n\n'.encode()
    return Answer(301, body, "text/html; charset=utf-8", location)
