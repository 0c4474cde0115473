"""Where the API is, as users write it."""

import pytest

from fleetctl.endpoint import Server, UnixSocket, parse_endpoint, split_endpoints
from fleetctl.errors import BadEndpoint
from tests.fleetctl.conftest import Shell

ENDPOINTS = {
    "unix:///var/run/fleet.sock": UnixSocket("/var/run/fleet.sock"),
    "unix:/run/f.sock": UnixSocket("/run/f.sock"),
    "file:///run/f.sock": UnixSocket("/run/f.sock"),
    "unix:///run/my%20fleet.sock": UnixSocket("/run/my fleet.sock"),
    "http://host": Server("host", 80),
    "http://198.18.0.1:49153": Server("198.18.0.1", 49153),
    "http://host:8080/some/path/": Server("host", 8080, prefix="/some/path"),
    "https://host": Server("host", 443, secure=True),
    "HTTP://host": Server("host", 80),
    "http://[::1]:8080": Server("::1", 8080),
}


@pytest.mark.parametrize(("text", "endpoint"), ENDPOINTS.items())
def test_an_endpoint_is_understood(text: str, endpoint: UnixSocket | Server) -> None:
    assert parse_endpoint(text) == endpoint


BAD_ENDPOINTS = {
    "unix://something/path": 'unable to connect to host "something" with scheme "unix"',
    "file://something/path": 'unable to connect to host "something" with scheme "file"',
    "foo": "URL scheme undefined",
    "": "URL scheme undefined",
    "127.0.0.1:49153": 'parse "127.0.0.1:49153": first path segment in URL cannot contain colon',
    "http://host:x": 'parse "http://host:x"',
    "http://": 'parse "http://": no host',
    "http://host ": 'parse "http://host "',
    "ftp://host": 'unsupported protocol scheme "ftp"',
    "localhost:49153": 'unsupported protocol scheme "localhost" (write http://localhost:49153)',
    "unix:": "no path in",
}


@pytest.mark.parametrize(("text", "said"), BAD_ENDPOINTS.items())
def test_a_bad_endpoint_is_refused_in_words_that_name_it(text: str, said: str) -> None:
    with pytest.raises(BadEndpoint) as refused:
        parse_endpoint(text)
    assert str(refused.value).startswith(said)


def test_only_the_first_of_several_endpoints_is_used() -> None:
    assert split_endpoints("http://a,http://b") == ("http://a", True)
    assert split_endpoints("http://a") == ("http://a", False)


@pytest.mark.parametrize("flag", ["--endpoint=http://a..b:49153", "--tunnel=a..b", "--tunnel=" + 64 * "n"])
def test_a_name_that_no_host_can_have_is_a_name_and_no_bug(alone: Shell, flag: str) -> None:
    ran = alone(flag, "list-machines")
    assert ": no host can have that name" in ran.err
    assert ran.status == 1
