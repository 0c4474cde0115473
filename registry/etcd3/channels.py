"""Connections to the members of etcd: one of them is used until it fails, then the next.

Rule 1: nobody else's request is cut off when one moves on: a connection that is left stays open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import grpc
import grpc.aio

from registry.settings import Credentials, Endpoint

MAX_MESSAGE: Final = 256 << 20
OPTIONS: Final[tuple[tuple[str, int | str], ...]] = (
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    # A member that is frozen or cut off is noticed by all three together within 7 s, else after 70 s.
    ("grpc.keepalive_time_ms", 5000),
    ("grpc.keepalive_timeout_ms", 2000),
    ("grpc.http2.ping_timeout_ms", 2000),
    ("grpc.http2.max_pings_without_data", 0),
    # etcd hangs up on who pings without a call; a connection without one is tried by the next call.
    ("grpc.keepalive_permit_without_calls", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.enable_retries", 0),
    # Several registries in one process, each with a connection of its own.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
)
_UNSETTLED: Final = (grpc.ChannelConnectivity.IDLE, grpc.ChannelConnectivity.CONNECTING)


class Channels:
    """A connection per member, made when it is first used."""

    def __init__(self, endpoints: Sequence[Endpoint], credentials: Credentials) -> None:
        self._endpoints = tuple(endpoints)
        self._credentials = credentials
        self._channels: dict[int, Any] = {}
        self._turn = 0

    def __len__(self) -> int:
        return len(self._endpoints)

    @property
    def turn(self) -> int:
        """Which member is in use, to be told to `move_on` when it fails."""
        return self._turn

    @property
    def address(self) -> str:
        """The member in use."""
        return self._endpoints[self._turn].address

    def channel(self) -> Any:
        """The connection to the member in use."""
        if self._turn not in self._channels:
            self._channels[self._turn] = self._made(self._endpoints[self._turn])
        return self._channels[self._turn]

    async def settled(self, timeout: float) -> Any:
        """The connection in use, once it is there or has failed. Raises TimeoutError."""
        channel = self.channel()
        state = channel.get_state(try_to_connect=True)
        if state not in _UNSETTLED:
            return channel
        async with asyncio.timeout(timeout):
            while state in _UNSETTLED:
                await channel.wait_for_state_change(state)
                state = channel.get_state(try_to_connect=True)
        return channel

    def move_on(self, failed: int) -> None:
        """Use the next member, unless another request has moved on already."""
        if failed == self._turn:
            self._turn = (self._turn + 1) % len(self._endpoints)

    async def close(self) -> None:
        """Close the channel that is open, if one is."""
        channels, self._channels = list(self._channels.values()), {}
        for channel in channels:
            await channel.close()

    def _made(self, endpoint: Endpoint) -> Any:
        target, options = _dialled(endpoint)
        if not endpoint.tls:
            return grpc.aio.insecure_channel(target, options=options)
        proof = grpc.ssl_channel_credentials(
            self._credentials.ca or None,
            self._credentials.key or None,
            self._credentials.certificate or None,
        )
        return grpc.aio.secure_channel(target, proof, options=options)


def _dialled(endpoint: Endpoint) -> tuple[str, tuple[tuple[str, int | str], ...]]:
    """What gRPC connects to, and how: through a socket the server is still the one that it is."""
    if not endpoint.socket:
        return endpoint.address, OPTIONS
    name = endpoint.address.rpartition(":")[0].strip("[]")
    options = (("grpc.default_authority", endpoint.address), ("grpc.ssl_target_name_override", name))
    return f"unix:{endpoint.socket}", (*OPTIONS, *options)
