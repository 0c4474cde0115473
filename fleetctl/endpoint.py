"""Where the API is: what `--endpoint` means. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from fleetctl.errors import BadEndpoint

DEFAULT = "unix:///var/run/fleet.sock"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):(.*)", re.DOTALL)
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class UnixSocket:
    """HTTP over a socket in the file system."""

    path: str

    @property
    def shown(self) -> str:
        """As people write it."""
        return f"unix://{self.path}"


@dataclass(frozen=True, slots=True)
class Server:
    """HTTP, perhaps with TLS, over TCP. `prefix` stands in front of every path; no slash ends it."""

    host: str
    port: int
    secure: bool = False
    prefix: str = ""

    @property
    def shown(self) -> str:
        """As people write it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}{self.prefix}"


Endpoint = UnixSocket | Server


def split_endpoints(text: str) -> tuple[str, bool]:
    """The endpoint to use, and whether others were given that will not be used (fleet 1.0)."""
    first, comma, _ = text.partition(",")
    return first, bool(comma)


def parse_endpoint(text: str) -> Endpoint:
    """What the text means; BadEndpoint, in fleet 1.0's words where it had some."""
    match = _SCHEME.fullmatch(text)
    if match is None:
        raise _without_scheme(text)
    scheme, rest = match[1].lower(), match[2]
    if scheme in ("unix", "file"):
        return _unix_socket(scheme, rest)
    if scheme not in _PORTS:
        raise BadEndpoint(f'unsupported protocol scheme "{scheme}"{_meant_as_host(scheme, rest)}')
    return _server(text, scheme)


def _without_scheme(text: str) -> BadEndpoint:
    if ":" in text.partition("/")[0]:
        hint = f" (write http://{text})" if text[:1] != ":" else ""
        return BadEndpoint(f'parse "{text}": first path segment in URL cannot contain colon{hint}')
    hint = "an endpoint is unix:///PATH, http://HOST:PORT or https://HOST:PORT"
    return BadEndpoint("URL scheme undefined", hint)


def _meant_as_host(scheme: str, rest: str) -> str:
    return f" (write http://{scheme}:{rest})" if rest.partition("/")[0].isdigit() else ""


def _unix_socket(scheme: str, rest: str) -> UnixSocket:
    host, path = "", rest
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        path = slash + path
    if host:
        said = f'unable to connect to host "{host}" with scheme "{scheme}"'
        raise BadEndpoint(said, f"a path needs three slashes: {scheme}:///PATH")
    if not path:
        raise BadEndpoint(f'no path in "{scheme}:{rest}" (write {DEFAULT})')
    return UnixSocket(unquote(path))


def _server(text: str, scheme: str) -> Server:
    try:
        parts = urlsplit(text)
        port = parts.port or _PORTS[scheme]
    except ValueError as error:
        raise BadEndpoint(f'parse "{text}": {error}') from None
    if not parts.hostname:
        raise BadEndpoint(f'parse "{text}": no host in it')
    if text != text.strip() or any(c.isspace() for c in text):
        raise BadEndpoint(f'parse "{text}": white space in it')
    return Server(parts.hostname, port, scheme == "https", parts.path.rstrip("/"))
