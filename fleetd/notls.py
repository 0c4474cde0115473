"""A daemon that speaks no TLS does without OpenSSL: 4 to 5 MB, which asyncio and hashlib would load unasked.

asyncio, aiohttp and http.client go on without `ssl` where it cannot be imported, and `hashlib` has the
interpreter's own functions beside those of OpenSSL. gRPC brings its own TLS and needs neither.
"""

import sys
from importlib.util import find_spec

from fleetd.config import Config

OWN_HASHES = ("_md5", "_sha1", "_sha512", "_sha3", "_blake2")
"""What the interpreter has been built with, unless who built it insists on OpenSSL."""


def needs_tls(config: Config) -> bool:
    """Whether Python's own TLS may be wanted: etcd v2 is spoken with it; it has the authorities for v3."""
    over_tls = any(url.strip().lower().startswith("https:") for url in config.etcd_servers)
    return over_tls or config.etcd_api != 3 or bool(config.etcd_discovery_srv)


def forget_tls() -> None:
    """From now on nobody can import it. Does nothing when somebody has already."""
    if "ssl" in sys.modules or "hashlib" in sys.modules:
        return
    sys.modules["ssl"] = None  # type: ignore[assignment]  # what import takes for "there is none"
    if all(find_spec(name) for name in OWN_HASHES):
        sys.modules["_hashlib"] = None  # type: ignore[assignment]
