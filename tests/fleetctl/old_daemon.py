"""A daemon of fleet 1.0 as its clients see it, with its habits, and a record of what it was asked.

Pages of `token_limit`, with a further, empty one behind a last page that is full; bodies over 2 KB in chunks;
a state that does not exist closes the connection without an answer; nothing beyond 1.0 is known (404).
What is asked of a unit happens a few requests later, as its engine and agents would have done it.
"""

import base64
import hashlib
import json
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

M1 = {
    "id": "409278b5d2a24bb6b1f9a5a1b5b5b5b5",
    "metadata": {"region": "us", "disk": "ssd"},
    "primaryIP": "198.18.1.5",
}
MOVED = (301, 307)
LATER = 3
"""Requests until something has happened."""


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    def __str__(self) -> str:
        return f"{self.method} {self.target}" + (f" {self.body.decode()}" if self.body else "")


@dataclass
class OldDaemon:
    """What it knows. Units and states are API entities."""

    machines: list[dict[str, Any]] = field(default_factory=lambda: [M1])
    units: dict[str, dict[str, Any]] = field(default_factory=dict)
    states: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    token_limit: int = 100
    moved: str = ""
    """Where requests are sent instead, if anywhere."""
    asked: list[Asked] = field(default_factory=list)
    port: int = 0
    _later: list[tuple[int, Callable[[], None]]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def requests(self) -> list[str]:
        """What it was asked since this was last called: methods, paths without `alt=json`, bodies."""
        seen = [str(one).replace("?alt=json", "").replace("/fleet/v1/", "") for one in self.asked]
        self.asked.clear()
        return [line.rstrip("\n") for line in seen]

    def has(
        self,
        name: str,
        text: Sequence[Mapping[str, str]],
        desired: str = "inactive",
        current: str = "inactive",
    ) -> None:
        """Put a unit there, in the state that it is said to be in."""
        self.units[name] = {
            "currentState": "inactive",
            "desiredState": desired,
            "name": name,
            "options": list(text),
        }
        if current != "inactive":
            self._settle(name, current)

    def answer(self, asked: Asked) -> tuple[int, Any] | None:
        """The status and the body; None closes the connection."""
        with self._lock:
            self.asked.append(asked)
            if self.moved:
                return (301 if asked.method == "GET" else 307), self.moved + asked.target
            due = [act for left, act in self._later if left <= 0]
            self._later = [(left - 1, act) for left, act in self._later if left > 0]
            for act in due:
                act()
            parts = urlsplit(asked.target)
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            segments = parts.path.removeprefix("/fleet/v1/").split("/")
            match (asked.method, *map(unquote, segments)):
                case ("GET", "machines"):
                    return self._page("machines", self.machines, query)
                case ("GET", "units"):
                    return self._page("units", [self.units[name] for name in sorted(self.units)], query)
                case ("GET", "state"):
                    return self._page("states", self._states(query), query)
                case ("GET", "state", name):
                    found = self._states({"unitName": name})
                    return (200, found[0]) if found else None
                case ("GET", "units", name):
                    return self._unit(name)
                case ("PUT", "units", name):
                    return self._put(name, asked)
                case ("DELETE", "units", name):
                    return self._delete(name)
                case _:
                    return _error(404, "")

    def _states(self, query: Mapping[str, str]) -> list[dict[str, Any]]:
        wanted = query.get("unitName")
        return [said for (name, _), said in sorted(self.states.items()) if wanted in (None, "", name)]

    def _page(self, key: str, items: Sequence[Any], query: Mapping[str, str]) -> tuple[int, Any]:
        size, page = self.token_limit, 1
        if token := query.get("nextPageToken"):
            size, page = struct.unpack("<HH", base64.urlsafe_b64decode(token))
        said: dict[str, Any] = {key: found} if (found := items[(page - 1) * size : page * size]) else {}
        if page * size <= len(items):
            said["nextPageToken"] = base64.urlsafe_b64encode(struct.pack("<HH", size, page + 1)).decode()
        return 200, said

    def _unit(self, name: str) -> tuple[int, Any]:
        if name not in self.units:
            return _error(404, "unit does not exist")
        hidden = "currentState" if _is_global(self.units[name]) else ""
        return 200, {key: value for key, value in self.units[name].items() if key != hidden}

    def _put(self, name: str, asked: Asked) -> tuple[int, Any]:
        if asked.headers.get("Content-Type") != "application/json":
            return _error(415, "only acceptable Content-Type is application/json")
        body = json.loads(asked.body)
        options, desired = body.get("options"), body.get("desiredState")
        unit = self.units.get(name)
        if options and (unit is None or unit["options"] != options):
            before = unit or {"currentState": "inactive"}
            self.units[name] = {
                **before,
                "desiredState": desired or "inactive",
                "name": name,
                "options": options,
            }
            self._soon(name)
            return 201, None
        if unit is None:
            return _error(409, "unit does not exist and options field empty")
        if not desired:
            return _error(409, "must provide DesiredState to update existing unit")
        if "@." in name and desired != "inactive":
            return _error(400, f'cannot activate template "{name}"')
        unit["desiredState"] = desired
        self._soon(name)
        return 204, None

    def _delete(self, name: str) -> tuple[int, Any]:
        if self.units.pop(name, None) is None:
            return _error(404, "unit does not exist")
        self._soon(name)
        return 204, None

    def _soon(self, name: str) -> None:
        self._later.append(
            (LATER, lambda: self._settle(name, self.units.get(name, {}).get("desiredState", "inactive")))
        )

    def _settle(self, name: str, current: str) -> None:
        unit, machine = self.units.get(name), self.machines[0]["id"]
        if current == "inactive":
            self.states.pop((name, machine), None)
        else:
            active, sub = ("active", "running") if current == "launched" else ("inactive", "dead")
            self.states[name, machine] = {
                "hash": _hash(unit["options"] if unit else []), "machineID": machine, "name": name,
                "systemdActiveState": active, "systemdLoadState": "loaded", "systemdSubState": sub,
            }  # fmt: skip
        if unit is not None and not _is_global(unit):
            unit["currentState"] = current
            unit.pop("machineID", None)
            if current != "inactive":
                self.units[name] = dict(sorted({**unit, "machineID": machine}.items()))


def _is_global(unit: Mapping[str, Any]) -> bool:
    return any(o["name"] == "Global" and o.get("value") == "true" for o in unit["options"])


def _hash(options: Sequence[Mapping[str, str]]) -> str:
    sections: dict[str, str] = {}
    for o in options:
        sections[o["section"]] = (
            sections.get(o["section"], f"[{o['section']}]\n") + f"{o['name']}={o.get('value', '')}\n"
        )
    return hashlib.sha1("\n".join(sections.values()).encode()).hexdigest()


def _error(status: int, message: str) -> tuple[int, Any]:
    return status, {"error": {"code": status, "message": message}}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    daemon: OldDaemon


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def version_string(self) -> str:
        return "fleetd/v1.0.0"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answered = self.server.daemon.answer(Asked(self.command, self.path, dict(self.headers), body))
        if answered is None:
            self.close_connection = True
            return
        status, said = answered
        self.send_response(status)
        if status in MOVED:
            self.send_header("Location", said)
            said = None
        if said is not None:
            self.send_header("Content-Type", "application/json")
        compact = json.dumps(said, separators=(",", ":"), ensure_ascii=False)
        self._send(b"" if said is None else compact.encode())

    def _send(self, data: bytes) -> None:
        if len(data) <= 2048:
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for at in range(0, len(data), 2048):
            part = data[at : at + 2048]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    do_PUT = do_DELETE = do_POST = do_PATCH = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def old_daemon(**known: Any) -> Iterator[OldDaemon]:
    """One that listens on loopback until the context ends."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.daemon = daemon = OldDaemon(port=server.server_port, **known)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield daemon
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
