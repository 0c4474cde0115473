"""A DNS server on loopback that knows a few services."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset

Zone = Mapping[str, Sequence[str]]
"""By full name, what its SRV records say: `PRIORITY WEIGHT PORT TARGET`. It may say nothing."""


class _Server(socketserver.UDPServer):
    zone: Zone
    code: dns.rcode.Rcode


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        wire, sock = self.request
        query = dns.message.from_wire(wire)
        response = dns.message.make_response(query, recursion_available=True)
        response.flags |= dns.flags.RA
        name = query.question[0].name.to_text(omit_final_dot=True)
        response.set_rcode(self.server.code)
        if name not in self.server.zone:
            response.set_rcode(self.server.code or dns.rcode.NXDOMAIN)
        elif records := self.server.zone[name]:
            response.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "SRV", *records))
        sock.sendto(response.to_wire(), self.client_address)


@contextmanager
def dns_server(zone: Zone, *, code: dns.rcode.Rcode = dns.rcode.NOERROR) -> Iterator[dns.resolver.Resolver]:
    """Serve a zone; gives a resolver that asks this server alone. `code` is what every answer ends with."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.zone, server.code = zone, code
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], server.server_address[1]
        try:
            yield resolver
        finally:
            server.shutdown()
            thread.join()
