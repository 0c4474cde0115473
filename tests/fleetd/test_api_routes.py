"""Paths, methods, availability and the shape of errors (api-v1.md §1 to §5 and §13)."""

import gzip
import hashlib
import json

import pytest

from tests.fleetd.world import Client, World

ONLY_GET = "only GET supported against this resource"
ITEM = "only GET, PUT and DELETE supported against this resource"
MACHINES = "only GET and PATCH supported against this resource"

PREFIXES = ("/fleet/v1", "/v1-alpha")

NOT_ALLOWED = {
    "POST a list of units": ("POST", "/units", ONLY_GET),
    "PUT a list of units": ("PUT", "/units", ONLY_GET),
    "DELETE all units": ("DELETE", "/units", ONLY_GET),
    "OPTIONS of units": ("OPTIONS", "/units", ONLY_GET),
    "an invented method": ("BREW", "/units", ONLY_GET),
    "a method in small letters": ("get", "/units", ONLY_GET),
    "a method for proxies": ("CONNECT", "/units", ONLY_GET),
    "POST a unit": ("POST", "/units/a.service", ITEM),
    "PATCH a unit": ("PATCH", "/units/a.service", ITEM),
    "an invented method on a unit": ("BREW", "/units/a.service", ITEM),
    "PUT a list of states": ("PUT", "/state", ONLY_GET),
    "PUT a state": ("PUT", "/state/a.service", ONLY_GET),
    "PUT machines": ("PUT", "/machines", MACHINES),
    "POST machines": ("POST", "/machines", MACHINES),
    "GET the base": ("GET", "", ""),
    "PUT the base": ("PUT", "", ""),
}


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(("method", "path", "message"), NOT_ALLOWED.values(), ids=NOT_ALLOWED)
async def test_method_not_allowed(api: Client, prefix: str, method: str, path: str, message: str) -> None:
    reply = await api.ask(method, prefix + path)
    assert (reply.status, reply.message) == (405, message)
    assert "Allow" not in reply.headers


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("method", ["POST", "HEAD", "BREW"])
async def test_discovery_answers_400_to_other_methods(api: Client, prefix: str, method: str) -> None:
    reply = await api.ask(method, f"{prefix}/discovery")
    assert reply.status == 400
    if method != "HEAD":
        assert reply.message == "only HTTP GET supported against this resource"


async def test_the_root_answers_405_without_a_message(api: Client) -> None:
    reply = await api.get("/")
    assert reply.body == b'{"error":{"code":405,"message":""}}'


async def test_head_has_the_headers_of_the_405_and_no_body(api: Client) -> None:
    asked, wanted = await api.ask("HEAD", "/fleet/v1/units"), await api.ask("POST", "/fleet/v1/units")
    assert (asked.status, asked.body) == (405, b"")
    assert asked.headers["Content-Length"] == wanted.headers["Content-Length"] == str(len(wanted.body))


NOT_FOUND = {
    "the base with a slash": "/fleet/v1/",
    "units with a slash": "/fleet/v1/units/",
    "a unit with a slash": "/fleet/v1/units/a.service/",
    "states with a slash": "/fleet/v1/state/",
    "machines with a slash": "/v1-alpha/machines/",
    "discovery with a slash": "/fleet/v1/discovery/",
    "metrics with a slash": "/metrics/",
    "two segments": "/fleet/v1/units/a/b",
    "an escaped slash": "/fleet/v1/units/a%2Fb",
    "one machine": "/fleet/v1/machines/m1",
    "something below discovery": "/fleet/v1/discovery/x",
    "another case": "/fleet/v1/Units",
    "another version": "/fleet/v2/units",
    "half a prefix": "/fleet",
    "debugging": "/debug/pprof",
    "anything": "/foo",
}


@pytest.mark.parametrize("path", NOT_FOUND.values(), ids=NOT_FOUND)
async def test_no_such_path(api: Client, path: str) -> None:
    for method in ("GET", "PUT"):
        reply = await api.ask(method, path)
        assert reply.body == b'{"error":{"code":404,"message":""}}'


REDIRECTED = {
    "a double slash": ("/fleet/v1//units", "/fleet/v1/units"),
    "a dot": ("/fleet/./v1/units", "/fleet/v1/units"),
    "two dots": ("/fleet/v1/state/../units", "/fleet/v1/units"),
    "two escaped dots": ("/fleet/v1/state/%2e%2E/units", "/fleet/v1/units"),
    "above the root": ("/../..", "/"),
    "a slash at the end stays": ("/fleet/v1//units/", "/fleet/v1/units/"),
    "the query stays": ("/fleet/v1//units?a=b%20c&d", "/fleet/v1/units?a=b%20c&d"),
    "what must be escaped": ("//a%20b%3Fc", "/a%20b%3Fc"),
}


@pytest.mark.parametrize(("path", "location"), REDIRECTED.values(), ids=REDIRECTED)
async def test_a_path_that_is_not_clean_is_redirected(api: Client, path: str, location: str) -> None:
    reply = await api.get(path)
    assert (reply.status, reply.headers["Location"]) == (301, location)
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert reply.body.startswith(b'<a href="/')
    assert reply.headers["Server"] == "fleetd/v2.0.0"


async def test_a_redirected_put_has_no_body(api: Client) -> None:
    reply = await api.ask("PUT", "/fleet/v1//units", b"{}")
    assert (reply.status, reply.body) == (301, b"")


async def test_a_bad_escape_in_the_path_is_a_bad_request(api: Client) -> None:
    assert (await api.get("/fleet/v1/units/%zz")).status == 400


async def test_names_are_matched_after_decoding(cluster: World) -> None:
    await cluster.unit("b.service")
    assert (await cluster.api.get("/fleet/v1/units/b%2Eservice")).json["name"] == "b.service"


async def test_the_absolute_form_and_foreign_parameters_are_fine(api: Client) -> None:
    reply = await api.get("http://domain-sock/fleet/v1/units?alt=json&x=%zz&&=")
    assert (reply.status, reply.body) == (200, b"{}")


async def test_options_of_everything(api: Client) -> None:
    reply = await api.ask("OPTIONS", "*")
    assert (reply.status, reply.body) == (200, b"")


async def test_http_1_0_is_answered(api: Client) -> None:
    reply = await api.raw(b"GET /fleet/v1/units HTTP/1.0\r\n\r\n")
    assert reply.startswith(b"HTTP/1.0 200 OK\r\n")
    assert reply.endswith(b"\r\n\r\n{}")


async def test_a_connection_serves_one_request_after_another(api: Client) -> None:
    one = b"GET /fleet/v1/units HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /fleet/v1/units HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert (await api.raw(one + one + last)).count(b"HTTP/1.1 200 OK") == 3


@pytest.mark.parametrize("path", ["/fleet/v1/units", "/fleet/v1/nothing", "/fleet/v1//units", "/metrics"])
async def test_every_answer_has_a_date_and_names_the_server(api: Client, path: str) -> None:
    reply = await api.get(path)
    assert "GMT" in reply.headers["Date"]
    assert reply.headers["Server"] == "fleetd/v2.0.0"
    assert reply.headers["Content-Length"] == str(len(reply.body))


@pytest.mark.parametrize("method", ["GET", "PUT", "BREW"])
@pytest.mark.parametrize(
    "path", ["/fleet/v1/units", "/metrics", "/fleet/v1/discovery", "/nothing", "//x", "/%zz"]
)
async def test_while_the_gate_is_shut_everything_is_503(cluster: World, method: str, path: str) -> None:
    cluster.gate.open = False
    reply = await cluster.api.ask(method, path)
    assert reply.status == 503
    assert reply.body == (b'{"error":{"code":503,"message":"fleet server unable to communicate with etcd"}}')
    assert reply.headers["Content-Type"] == "application/json"
    assert "Server" not in reply.headers


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_discovery(api: Client, prefix: str) -> None:
    reply = await api.get(f"{prefix}/discovery")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    assert len(reply.body) == 6792
    assert hashlib.sha256(reply.body).hexdigest() == (
        "617ec0354e0fc9896c8f3e9dfbd988aeb41fcd5c58b0b8c808e2ad4d43d88864"
    )
    assert json.loads(reply.body)["id"] == "fleet:v1"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_metrics(api: Client, method: str) -> None:
    reply = await api.ask(method, "/metrics")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/plain; version=0.0.4")
    samples = {line.split()[0] for line in reply.body.decode().splitlines() if not line.startswith("#")}
    assert samples == {
        "fleet_engine_leader_start_time",
        "fleet_engine_reconcile_count_total",
        "process_cpu_seconds_total",
        "process_max_fds",
        "process_open_fds",
        "process_resident_memory_bytes",
        "process_start_time_seconds",
        "process_virtual_memory_bytes",
    }


async def test_requests_of_metrics_are_counted_as_in_1_0(api: Client) -> None:
    await api.get("/fleet/v1/units")
    for method in ("GET", "GET", "POST"):
        await api.ask(method, "/metrics")
    shown = (await api.get("/metrics")).body.decode().splitlines()
    assert [line for line in shown if line.startswith("http_requests_total")] == [
        'http_requests_total{code="200",handler="prometheus",method="get"} 2',
        'http_requests_total{code="200",handler="prometheus",method="post"} 1',
    ]


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    {"gzip": "gzip", "deflate, gzip;q=0.5": "gzip", "identity": None, "xgzip": None}.items(),
)
async def test_metrics_are_compressed_for_who_asks_and_nothing_else_is(
    api: Client, accepted: str, encoding: str | None
) -> None:
    asks = [("Accept-Encoding", accepted)]
    reply = await api.ask("GET", "/metrics", headers=asks)
    assert reply.headers.get("Content-Encoding") == encoding
    assert reply.headers["Content-Type"] == "text/plain; version=0.0.4"
    shown = gzip.decompress(reply.body) if encoding else reply.body
    assert shown.startswith(b"# HELP fleet_engine_leader_start_time ")
    assert "Content-Encoding" not in (await api.ask("GET", "/fleet/v1/units", headers=asks)).headers


@pytest.mark.parametrize("sent", [b"garbage\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"])
async def test_what_is_no_http_is_refused_as_json(api: Client, sent: bytes) -> None:
    reply = await api.raw(sent)
    assert b" 400 Bad Request\r\n" in reply
    assert b'{"error":{"code":400,"message":"' in reply


async def test_headers_too_large_are_refused(api: Client) -> None:
    reply = await api.raw(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n")
    assert b" 400 Bad Request\r\n" in reply
