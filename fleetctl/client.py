"""The API as fleetctl uses it: JSON turned into records.

Rule 1: every list is complete (page after page), every name is percent-encoded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from fleetctl.api import Event, Metadata
from fleetctl.connect import Connect
from fleetctl.endpoint import Endpoint, UnixSocket
from fleetctl.entities import Json, Machine, Setting, State, Unit
from fleetctl.errors import ApiError, Unreachable, Unsupported
from fleetctl.exchange import Exchange

BASE = "/fleet/v1/"


class Client:
    """The API behind one endpoint. All methods raise Unreachable and ApiError."""

    def __init__(
        self, endpoint: Endpoint, reach: Callable[[Endpoint], Connect], *, debug: bool = False
    ) -> None:
        self._base = ("" if isinstance(endpoint, UnixSocket) else endpoint.prefix) + BASE
        self._exchange = Exchange(endpoint, reach, debug=debug)

    def machines(self) -> tuple[Machine, ...]:
        """All machines that are present."""
        return tuple(Machine.from_json(said) for said in self._list("machines", "machines"))

    def units(self) -> tuple[Unit, ...]:
        """All units."""
        return tuple(Unit.from_json(said) for said in self._list("units", "units"))

    def unit(self, name: str) -> Unit | None:
        """One unit, None if there is none of that name."""
        try:
            return Unit.from_json(self._call("GET", _item(name)))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def states(self, unit: str = "", *, full: bool = False) -> tuple[State, ...]:
        """What systemd says on all machines, of all units or of one."""
        query = ({"unitName": unit} if unit else {}) | ({"view": "full"} if full else {})
        return tuple(State.from_json(said) for said in self._list("state", "states", **query))

    def create(self, name: str, settings: Iterable[Setting], desired: str = "") -> None:
        """Create or replace a unit; its desired state is `inactive` if none is given."""
        options = [_setting_as_json(setting) for setting in settings]
        body = {"desiredState": desired, "name": name, "options": options}
        self._call("PUT", _item(name), body={key: value for key, value in body.items() if value})

    def set_desired(self, name: str, desired: str) -> None:
        """Change the desired state of a unit."""
        self._call("PUT", _item(name), body={"desiredState": desired, "name": name})

    def destroy(self, name: str) -> bool:
        """Remove a unit; False if there is none of that name."""
        try:
            self._call("DELETE", _item(name))
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    def why(self, name: str) -> Json | None:
        """Why the unit is where it is (docs/API.md); None if there is none. Raises Unsupported."""
        try:
            return self._call("GET", f"{_item(name)}/why")
        except ApiError as error:
            if error.status not in (404, 405):
                raise
        if self.unit(name) is None:
            return None
        raise Unsupported("the daemon there cannot say why: it is of an older version")

    def plan(self, change: Json) -> Json:
        """What would happen if (docs/API.md). Raises Unsupported."""
        try:
            return self._call("POST", "plan", body=change)
        except ApiError as error:
            if error.status == 405 or (error.status == 404 and not error.message):
                raise Unsupported("the daemon there cannot plan: it is of an older version") from error
            raise

    def metadata(self) -> Metadata:
        """The metadata that were set through the API; an empty value hides the key. Raises Unsupported."""
        found: dict[str, dict[str, str]] = {}
        for said in self._newer("metadata", "tell these metadata apart").get("metadata") or ():
            found.setdefault(said["machineID"], {})[said["key"]] = said["value"]
        return found

    def set_metadata(self, machine: str, values: Mapping[str, str]) -> None:
        """Set metadata of a machine, present or not; an empty value hides the key."""
        self._call("PATCH", "machines", body=[_operation(machine, *pair) for pair in values.items()])

    def doctor(self) -> Json:
        """What is wrong with the cluster (docs/API.md). Raises Unsupported."""
        return self._newer("doctor", "check its cluster")

    def _newer(self, path: str, purpose: str) -> Json:
        """What a path says that fleet 1.0 does not know. Raises Unsupported."""
        try:
            return self._call("GET", path)
        except ApiError as error:
            if error.status == 404:
                raise Unsupported(f"the daemon there cannot {purpose}: it is of an older version") from error
            raise

    def events(self, since: str) -> Iterator[Event]:
        """All events, as they come, from a revision on if one is given. Raises Unsupported.

        They come on a connection of their own.
        """
        query = f"?{urlencode({'since': since})}" if since else ""
        with self._exchange.stream(f"{self._base}events{query}") as response:
            if response.status in (404, 405):
                raise Unsupported("the daemon there sends no events: it is of an older version")
            if response.status != 200:
                raise _api_error(response.status, response.read())
            data, id = b"", ""
            while line := response.readline():
                if line.startswith(b"data:"):
                    data = line[5:]
                elif line.startswith(b"id:"):
                    id = line[3:].strip().decode(errors="replace")
                elif data and not line.strip():
                    yield Event(_unit_of(data), id)
                    data, id = b"", ""

    def close(self) -> None:
        """End the connections; the next request makes a new one."""
        self._exchange.close()

    def _list(self, path: str, key: str, **query: str) -> Iterator[Json]:
        token = ""
        while True:
            page = self._call("GET", path, query={**query, "nextPageToken": token} if token else query)
            yield from _objects(page.get(key), key)
            token = page.get("nextPageToken") or ""
            if not token:
                return

    def _call(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Any = None
    ) -> Json:
        target = f"{self._base}{path}?{urlencode({'alt': 'json', **(query or {})})}"
        answer = self._exchange.ask(method, target, None if body is None else _as_bytes(body))
        if not 200 <= answer.status < 300:
            raise _api_error(answer.status, answer.body)
        return _as_json(answer.body) if answer.body else {}


def _as_bytes(body: Any) -> bytes:
    return json.dumps(body, separators=(",", ":"), sort_keys=True).encode() + b"\n"


def _operation(machine: str, key: str, value: str) -> Json:
    path = f"/{machine}/metadata/{key}"
    return {"op": "add", "path": path, "value": {"value": value}} if value else {"op": "remove", "path": path}


def _item(name: str) -> str:
    return "units/" + quote(name.encode("utf-8", "surrogateescape"), safe="")


def _unit_of(data: bytes) -> str:
    """The unit that an event is about, empty where it is about more."""
    try:
        return str(json.loads(data).get("name", ""))
    except (ValueError, AttributeError):
        return ""


def _setting_as_json(setting: Setting) -> dict[str, str]:
    fields = {"name": setting.name, "section": setting.section, "value": setting.value}
    return {key: value for key, value in fields.items() if value}


def _objects(said: Any, key: str) -> Iterable[Json]:
    """The things of a list. Raises Unreachable if it is none."""
    if not isinstance(said or [], list) or not all(isinstance(one, dict) for one in said or []):
        raise Unreachable(f"{key} in the answer are not a list of objects (is this endpoint fleet's API?)")
    return said or ()


def _as_json(answer: bytes) -> Json:
    try:
        said = json.loads(answer)
    except ValueError as error:
        raise Unreachable(f"the answer is not JSON: {error} (is this endpoint fleet's API?)") from error
    if not isinstance(said, dict):
        raise Unreachable("the answer is not a JSON object (is this endpoint fleet's API?)")
    return said


def _api_error(status: int, answer: bytes) -> ApiError:
    body = answer.decode(errors="replace")
    try:
        message = json.loads(answer)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = ""
    return ApiError(status, message if isinstance(message, str) else "", body)
