"""An API that says what a test wants (in the form of docs/API.md), for what is hard to bring about."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Any]
FULL = "?view=full"
"""The one question that may have an answer of its own."""


@dataclass
class Canned:
    """Where it is, what it answers by `METHOD path`, and the bodies it was sent."""

    answers: dict[str, Answer]
    after_put: Mapping[str, Answer]
    endpoint: str = ""
    bodies: list[Any] = field(default_factory=list)


@contextmanager
def canned_api(
    answers: Mapping[str, Answer], *, after_put: Mapping[str, Answer] | None = None
) -> Iterator[Canned]:
    """An API on loopback, until the context ends; some answers may begin with the first PUT."""
    canned = Canned(dict(answers), after_put or {})

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path, _, query = self.path.removeprefix("/fleet/v1/").partition("?")
            path += FULL if "view=full" in query and f"GET {path}{FULL}" in canned.answers else ""
            if length := int(self.headers.get("Content-Length", 0)):
                canned.bodies.append(json.loads(self.rfile.read(length)))
            missing = {"error": {"code": 404, "message": ""}}
            status, said = canned.answers.get(f"{self.command} {path}", (404, missing))
            if self.command == "PUT":
                canned.answers.update(canned.after_put)
            body = b"" if said is None else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_DELETE = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    canned.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield canned
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
