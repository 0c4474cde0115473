"""The API over TLS: a server of its own, with a certificate made for the test."""

import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.fleetctl.conftest import Shell


class Empty(BaseHTTPRequestHandler):
    """An API without anything in it."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def make_certificate(directory: Path, name: str) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-keyout", directory / f"{name}.key", "-out", directory / f"{name}.crt", "-days", "2",
         "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip


@pytest.fixture
def context(tmp_path: Path) -> ssl.SSLContext:
    """How the server speaks TLS. It knows one client."""
    for name in ("server", "client", "other"):
        make_certificate(tmp_path, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    context.load_verify_locations(tmp_path / "client.crt")
    return context


@pytest.fixture
def endpoint(context: ssl.SSLContext) -> Iterator[str]:
    """A server that is up."""
    server = HTTPServer(("127.0.0.1", 0), Empty)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_without_any_file_no_certificate_is_checked(alone: Shell, endpoint: str) -> None:
    ran = alone(f"--endpoint={endpoint}", "list-units", "--no-legend")
    assert (ran.out, ran.err, ran.status) == ("", "", 0)


def test_the_authority_given_is_the_one_that_counts(alone: Shell, endpoint: str, tmp_path: Path) -> None:
    good = alone(f"--endpoint={endpoint}", f"--ca-file={tmp_path}/server.crt", "list-units")
    assert (good.err, good.status) == ("", 0)
    bad = alone(f"--endpoint={endpoint}", f"--etcd-cafile={tmp_path}/other.crt", "list-units")
    assert f"cannot connect to {endpoint}: " in bad.err
    assert "certificate verify failed" in bad.err
    assert bad.status == 1


def test_an_authority_that_is_none_is_named(alone: Shell, endpoint: str) -> None:
    file = alone.file("ca.pem", "nonsense")
    ran = alone("--endpoint", endpoint, "--ca-file", str(file), "list-units")
    assert ran.err.startswith("Unable to initialize client: tls: ")
    assert ran.err.endswith(f"(authority {file})\n")
    assert ran.status == 1


def test_a_client_shows_its_certificate(
    alone: Shell, context: ssl.SSLContext, endpoint: str, tmp_path: Path
) -> None:
    context.verify_mode = ssl.CERT_REQUIRED
    assert alone(f"--endpoint={endpoint}", "list-units").status == 1
    names = {
        f"FLEETCTL_{what}_FILE": f"{tmp_path}/client.{end}" for what, end in (("CERT", "crt"), ("KEY", "key"))
    }
    ran = alone(f"--endpoint={endpoint}", f"--ca-file={tmp_path}/server.crt", "list-units", **names)
    assert (ran.err, ran.status) == ("", 0)


def test_a_certificate_without_its_key_is_refused(alone: Shell, tmp_path: Path) -> None:
    make_certificate(tmp_path, "client")
    ran = alone(f"--cert-file={tmp_path}/client.crt", "list-units")
    assert ran.err.startswith("Unable to initialize client: tls: ")
    assert ran.err.endswith(f"(certificate {tmp_path}/client.crt, key missing)\n")
    assert ran.status == 1
