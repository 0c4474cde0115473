"""The API as fleetctl uses it: HTTP on one connection that is kept, JSON turned into records.

Rule 1: every list is complete (page after page), every name is percent-encoded.
Rule 2: a request that changes something is sent once; only reading is repeated, if a kept connection died.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import quote, urlencode

from fleetctl.api import Metadata
from fleetctl.connect import Connect, reason
from fleetctl.endpoint import Endpoint, UnixSocket
from fleetctl.entities import Json, Machine, Setting, State, Unit
from fleetctl.errors import ApiError, Unreachable, Unsupported
from fleetctl.output import log_line

BASE = "/fleet/v1/"
_UNIX_HOST = "domain-sock"


class _Connection(HTTPConnection):
    """HTTP over whatever stream it is given."""

    def __init__(self, host: str, connect: Connect) -> None:
        super().__init__(host)
        self._make_stream = connect

    def connect(self) -> None:
        self.sock: Any = self._make_stream()


class Client:
    """The API behind one endpoint. All methods raise Unreachable and ApiError."""

    def __init__(self, endpoint: Endpoint, connect: Connect, *, debug: bool = False) -> None:
        is_unix = isinstance(endpoint, UnixSocket)
        host = _UNIX_HOST if is_unix else endpoint.shown.split("://")[1].partition("/")[0]
        self._shown = endpoint.shown
        self._base = ("" if isinstance(endpoint, UnixSocket) else endpoint.prefix) + BASE
        self._host, self._connect = host, connect
        self._http = _Connection(host, connect)
        self._debug = debug

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

    def states(self, unit: str = "") -> tuple[State, ...]:
        """What systemd says on all machines, of all units or of one."""
        query = {"unitName": unit} if unit else {}
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

    def events(self) -> Iterator[str]:
        """The kinds of all events, as they come, on a connection of its own. Raises Unsupported."""
        http = _Connection(self._host, self._connect)
        try:
            http.request("GET", f"{self._base}events", headers={"User-Agent": "fleetctl"})
            response = http.getresponse()
            if response.status in (404, 405):
                raise Unsupported("the daemon there sends no events: it is of an older version")
            if response.status != 200:
                raise _api_error(response.status, response.read())
            while line := response.readline():
                if line.startswith(b"event:"):
                    yield line[6:].strip().decode(errors="replace")
        except (OSError, HTTPException) as error:
            raise self._broken("GET", error) from error
        finally:
            http.close()

    def close(self) -> None:
        """End the connection; the next request makes a new one."""
        self._http.close()

    def _list(self, path: str, key: str, **query: str) -> Iterator[Json]:
        token = ""
        while True:
            page = self._call("GET", path, query={**query, "nextPageToken": token} if token else query)
            yield from page.get(key) or ()
            token = page.get("nextPageToken") or ""
            if not token:
                return

    def _call(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Any = None
    ) -> Json:
        target = f"{self._base}{path}?{urlencode({'alt': 'json', **(query or {})})}"
        if self._debug:
            log_line("DEBUG", f"HTTP {method} {self._shown}{target}")
        status, phrase, answer = self._exchange(method, target, body)
        if self._debug:
            log_line("DEBUG", f"HTTP {method} {self._shown}{target} {status} {phrase}")
        if not 200 <= status < 300:
            raise _api_error(status, answer)
        return _as_json(answer) if answer else {}

    def _exchange(self, method: str, target: str, body: Any) -> tuple[int, str, bytes]:
        kept = self._http.sock is not None
        try:
            return self._once(method, target, body)
        except (OSError, HTTPException) as error:
            self._http.close()
            if not (kept and method == "GET"):
                raise self._broken(method, error) from error
        try:
            return self._once(method, target, body)
        except (OSError, HTTPException) as error:
            self._http.close()
            raise self._broken(method, error) from error

    def _once(self, method: str, target: str, body: Any) -> tuple[int, str, bytes]:
        headers = {"User-Agent": "fleetctl"}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body, separators=(",", ":"), sort_keys=True).encode() + b"\n"
        self._http.request(method, target, data, headers)
        response: HTTPResponse = self._http.getresponse()
        return response.status, response.reason, response.read()

    def _broken(self, method: str, error: OSError | HTTPException) -> Unreachable:
        said = reason(error) if isinstance(error, OSError) else str(error) or type(error).__name__
        unsure = "" if method == "GET" else " (whether it took effect is not known)"
        return Unreachable(f"connection to {self._shown} broke before the answer: {said}{unsure}")


def _operation(machine: str, key: str, value: str) -> Json:
    path = f"/{machine}/metadata/{key}"
    return {"op": "add", "path": path, "value": {"value": value}} if value else {"op": "remove", "path": path}


def _item(name: str) -> str:
    return "units/" + quote(name.encode("utf-8", "surrogateescape"), safe="")


def _setting_as_json(setting: Setting) -> dict[str, str]:
    fields = {"name": setting.name, "section": setting.section, "value": setting.value}
    return {key: value for key, value in fields.items() if value}


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
