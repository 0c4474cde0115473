"""HTTP as fleetctl speaks it, with servers that say exactly these bytes."""

import re
import socket
import threading
from collections.abc import Iterator

import pytest

from fleetctl.wire import BadAnswer, Connection

OK = "HTTP/1.1 200 OK\r\n"
WHOLE = {
    "a length": (OK + "Content-Length: 3\r\n\r\nabc", b"abc"),
    "chunks": (OK + "Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\n\r\n", b"abc"),
    "chunks and trailers": (OK + "Transfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n", b"abc"),
    "until the end": (OK + "\r\nabc", b"abc"),
    "old": ("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
    "no phrase, bare line ends": ("HTTP/1.1 200\ncontent-length:3\n\nabc", b"abc"),
    "word of more to come": ("HTTP/1.1 100 Continue\r\n\r\n" + OK + "Content-Length: 3\r\n\r\nabc", b"abc"),
    "no content": ("HTTP/1.1 204 No Content\r\n\r\n", b""),
    "nothing": (OK + "Content-Length: 0\r\n\r\n", b""),
}
BROKEN = {
    "nothing at all": ("", "ended without an answer"),
    "a greeting": ("SSH-2.0-OpenSSH_9.2\r\n", "does not speak HTTP: SSH-2.0"),
    "half a head": (OK + "Content-Length: 3\r\n", "in the middle"),
    "too little": (OK + "Content-Length: 4\r\n\r\nabc", "in the middle"),
    "half a chunk": (OK + "Transfer-Encoding: chunked\r\n\r\n4\r\nabc", "in the middle"),
    "no last chunk": (OK + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "in the middle"),
    "an endless line": (OK + "A: " + "x" * 70000, "does not end"),
}


def answering(said: bytes) -> Connection:
    """A connection to a server that says that, and is heard out."""
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with theirs:
            theirs.recv(1 << 16)
            theirs.sendall(said)

    threading.Thread(target=serve, daemon=True).start()
    return Connection("host", lambda: ours)


@pytest.mark.parametrize(("said", "body"), WHOLE.values(), ids=WHOLE)
def test_answers_are_read_whole(said: str, body: bytes) -> None:
    connection = answering(said.encode())
    assert connection.request("GET", "/").read() == body
    connection.close()


@pytest.mark.parametrize(("said", "why"), BROKEN.values(), ids=BROKEN)
def test_half_an_answer_is_an_error(said: str, why: str) -> None:
    connection = answering(said.encode())
    with pytest.raises(BadAnswer, match=why):
        connection.request("GET", "/").read()
    connection.close()


ENDING_ITSELF = sorted(set(WHOLE) - {"until the end", "no content", "nothing"})


@pytest.mark.parametrize("name", ENDING_ITSELF)
def test_no_part_of_a_body_passes_for_the_whole(name: str) -> None:
    said = WHOLE[name][0].encode()
    head = re.search(rb"\r?\n\r?\n(?!HTTP)", said)
    assert head is not None
    end = said.find(b"\r\n0\r\n") + 2 if b"chunked" in said.lower() else len(said)
    for length in range(head.end(), end):
        connection = answering(said[:length])
        with pytest.raises(BadAnswer):
            connection.request("GET", "/").read()
        connection.close()


class Server:
    """Answers what it was told to, request by request; counts its connections."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.connections = 0
        self.heard: list[str] = []

    def connect(self) -> socket.socket:
        self.connections += 1
        ours, theirs = socket.socketpair()
        threading.Thread(target=self._serve, args=(theirs,), daemon=True).start()
        return ours

    def _serve(self, stream: socket.socket) -> None:
        with stream:
            while heard := _request(stream):
                self.heard.append(heard.decode())
                stream.sendall(self.answers.pop(0).encode())


def _request(stream: socket.socket) -> bytes:
    """The next request, head and body, in however many pieces it comes; nothing at the end."""
    heard = bytearray()
    while True:
        head, _, body = bytes(heard).partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *([0-9]+)", head)
        if b"\r\n\r\n" in heard and len(body) >= int(length[1] if length else 0):
            return bytes(heard)
        more = stream.recv(1 << 16)
        if not more:
            return b""
        heard += more


@pytest.fixture
def connection() -> Iterator[tuple[Connection, Server]]:
    server = Server()
    connection = Connection("host:1", server.connect)
    yield connection, server
    connection.close()


def test_a_connection_is_kept_unless_the_server_ends_it(connection: tuple[Connection, Server]) -> None:
    http, server = connection
    end = OK + "Content-Length: 1\r\nConnection: close\r\n\r\nb"
    server.answers = [OK + "Content-Length: 1\r\n\r\na", end, OK + "Content-Length: 1\r\n\r\nc"]
    assert [http.request("GET", "/").read() for _ in range(3)] == [b"a", b"b", b"c"]
    assert server.connections == 2


def test_a_request_says_what_it_must(connection: tuple[Connection, Server]) -> None:
    http, server = connection
    server.answers = [OK + "Content-Length: 0\r\n\r\n"]
    http.request("PUT", "/a?b", b"{}", {"Content-Type": "application/json"}).read()
    assert server.heard == [
        "PUT /a?b HTTP/1.1\r\nHost: host:1\r\nAccept-Encoding: identity\r\n"
        "Content-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"
    ]


def test_lines_come_as_soon_as_they_are_there() -> None:
    ours, theirs = socket.socketpair()
    http = Connection("host", lambda: ours)
    theirs.sendall((OK + "Transfer-Encoding: chunked\r\n\r\n5\r\none\nt\r\n").encode())
    response = http.request("GET", "/events")
    assert response.readline() == b"one\n"
    theirs.sendall(b"3\r\nwo\n\r\n0\r\n\r\n")
    assert response.readline() == b"two\n"
    assert response.readline() == b""
    http.close()
    theirs.close()
