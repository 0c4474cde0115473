"""One store and its connections, the same for every backend: what the contract is tried on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from registry.etcd3.backend import Etcd3Registry, Etcd3Store
from registry.etcd3.client import Client
from registry.keys import Keys
from registry.keyvalue.store import Store
from registry.keyvalue.transactions import Delete, Put, Transaction
from registry.memory import MemoryRegistry, MemoryStore
from registry.port import Registry, View
from registry.records import Picture
from registry.settings import Credentials, Endpoint

T = TypeVar("T")

SOON = 45.0
"""Seconds within which what must happen happens, on a busy machine too."""


class World(Protocol):
    """A store under a prefix of its own."""

    @property
    def keys(self) -> Keys:
        """The keys under that prefix."""

    @property
    def store(self) -> Store:
        """The store itself, for what no daemon does."""

    def connect(self) -> Registry:
        """One more connection, as another daemon has it."""


class MemoryWorld:
    """The store in memory."""

    def __init__(self, prefix: str) -> None:
        self.store = MemoryStore(prefix)
        self.keys = self.store.keys

    def connect(self) -> Registry:
        return MemoryRegistry(self.store)


class EtcdWorld:
    """A part of a real etcd."""

    def __init__(self, urls: tuple[str, ...], prefix: str, *, timeout: float = 2.0) -> None:
        self.keys = Keys.under(prefix)
        self._endpoints = [Endpoint.from_url(url) for url in urls]
        self._timeout = timeout
        self._prefix = prefix
        self._registries: list[Registry] = []
        self.client = self.new_client()
        self.store = Etcd3Store(self.client)

    def new_client(self) -> Client:
        return Client(self._endpoints, Credentials(), timeout=self._timeout)

    def connect(self) -> Registry:
        endpoints = turned(self._endpoints, len(self._registries))
        registry = Etcd3Registry(endpoints, Credentials(), prefix=self._prefix, timeout=self._timeout)
        self._registries.append(registry)
        return registry

    async def close(self) -> None:
        for registry in self._registries:
            await registry.close()
        await self.client.close()
        # gRPC's thread tells of cancelled calls a moment later; told to a closed loop, it stumbles.
        await asyncio.sleep(0.02)


def turned(endpoints: Sequence[Endpoint], by: int) -> Sequence[Endpoint]:
    """Each connection begins with another member."""
    by %= len(endpoints)
    return [*endpoints[by:], *endpoints[:by]]


@asynccontextmanager
async def etcd_world(urls: tuple[str, ...], prefix: str, *, timeout: float = 2.0) -> AsyncIterator[EtcdWorld]:
    world = EtcdWorld(urls, prefix, timeout=timeout)
    try:
        yield world
    finally:
        await world.close()


async def put(world: World, key: str, value: bytes) -> int:
    """Write what no fleet would, under a key without its prefix."""
    transaction = Transaction((), (Put(world.keys.prefix + key, value),))
    return (await world.store.commit(transaction)).revision


async def delete(world: World, key: str) -> int:
    transaction = Transaction((), (Delete(world.keys.prefix + key),))
    return (await world.store.commit(transaction)).revision


async def expire(world: World, key: str) -> None:
    """End the lease that a key hangs on, as if its owner had died."""
    (stored,) = await world.store.read(key)
    assert stored is not None
    assert stored.lease
    await world.store.revoke(stored.lease)


async def seen(view: View, condition: Callable[[Picture], object]) -> Picture:
    """The first picture for which something holds."""
    async with asyncio.timeout(SOON):
        picture = view.picture
        while not condition(picture):
            picture = await view.after(picture)
    return picture


async def soon(waiting: Awaitable[T]) -> T:
    """What is waited for, which must come."""
    async with asyncio.timeout(SOON):
        return await waiting
