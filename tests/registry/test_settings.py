"""What operators may write, and what they are told when they may not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from registry.open import BadSettings, Settings, open_registry
from registry.settings import Credentials, Endpoint

GOOD = {
    "http://127.0.0.1:2379": Endpoint("127.0.0.1:2379", tls=False),
    "https://etcd.example:2379/": Endpoint("etcd.example:2379", tls=True),
    "http://[::1]:4001": Endpoint("[::1]:4001", tls=False),
}
BAD = {
    "127.0.0.1:2379": "no URL",
    "localhost": "no URL",
    "": "no URL",
    "ftp://127.0.0.1:2379": "no URL",
    "http://": "no URL",
    "http://:2379": "no URL",
    "http://[::1:2379": "no URL",
    "http://127.0.0.1:99999": "no URL",
    "http://127.0.0.1": "no port",
    "http://127.0.0.1:2379/v2": "more than a host and a port",
    "http://user@127.0.0.1:2379": "more than a host and a port",
}


@pytest.mark.parametrize("url", GOOD)
def test_a_url_names_a_server(url: str) -> None:
    assert Endpoint.from_url(url) == GOOD[url]


@pytest.mark.parametrize("url", BAD)
def test_what_is_no_url_is_refused_by_name(url: str) -> None:
    with pytest.raises(BadSettings, match=BAD[url]) as refused:
        open_registry(Settings(servers=("http://127.0.0.1:2379", url)))
    assert repr(url) in str(refused.value)


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.pem")
    cases = {
        "no etcd server": Settings(servers=()),
        "version 4": Settings(api_version=4),
        "timeout": Settings(request_timeout=0),
        "missing.pem": Settings(ca_file=missing),
        "its key": Settings(cert_file=missing),
    }
    for said, settings in cases.items():
        with pytest.raises(BadSettings, match=said):
            open_registry(settings)


def test_opening_is_the_first_moment_that_needs_a_client_library() -> None:
    program = "import sys, registry.open; print('grpc' in sys.modules, 'google.protobuf' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_a_password_is_not_shown_with_the_settings() -> None:
    assert "secret" not in repr(Settings(password="secret")) + repr(
        Credentials(password="secret", key=b"secret")
    )
