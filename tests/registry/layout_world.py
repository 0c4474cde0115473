"""A part of a real etcd with the v2 API, and its keys as a daemon of fleet 1.0 would see and write them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import requests

from registry.etcd2.backend import Etcd2Registry
from registry.etcd2.door import Trust
from registry.keys import Keys
from registry.keyvalue.store import Stored
from registry.keyvalue.transactions import Delete, Outcome, Put, Transaction
from registry.port import Registry
from registry.settings import Endpoint
from tests.registry.world import turned


class Etcd2:
    """etcd's v2 API below one prefix, raw, without anything of ours."""

    def __init__(self, url: str, prefix: str) -> None:
        self.prefix = prefix.strip("/")
        self._base = f"{url}/v2/keys/{self.prefix}/"
        self._session = requests.Session()
        self._session.trust_env = False

    async def put(
        self, path: str, value: str, *, ttl: int | None = None, **condition: object
    ) -> dict[str, Any]:
        """The answer to a PUT, which may be a refusal."""
        form = {"value": value} | ({} if ttl is None else {"ttl": str(ttl)})
        return await self._ask("PUT", path, condition, form)

    async def delete(self, path: str, **condition: object) -> dict[str, Any]:
        """The answer to a DELETE, which may be a refusal."""
        return await self._ask("DELETE", path, condition)

    async def node(self, path: str) -> dict[str, Any] | None:
        """The node at a path, None if there is none."""
        answer = await self._ask("GET", path, {"recursive": True, "quorum": True})
        found: dict[str, Any] | None = answer.get("node")
        return found

    async def value(self, path: str) -> str | None:
        """The value at a path, None if there is none."""
        node = await self.node(path)
        return None if node is None else node.get("value")

    async def dump(self) -> dict[str, str]:
        """All values, by their paths."""
        node = await self.node("")
        return dict(self._leaves(node)) if node else {}

    def close(self) -> None:
        self._session.close()

    def _leaves(self, node: dict[str, Any]) -> list[tuple[str, str]]:
        if not node.get("dir"):
            return [(node["key"].removeprefix(f"/{self.prefix}/"), node["value"])]
        return [leaf for child in node.get("nodes", ()) for leaf in self._leaves(child)]

    async def _ask(
        self, method: str, path: str, query: dict[str, object], form: dict[str, str] | None = None
    ) -> dict[str, Any]:
        words = {n: str(v).lower() if isinstance(v, bool) else str(v) for n, v in query.items()}
        response = await asyncio.to_thread(
            self._session.request, method, self._base + path, params=words, data=form, timeout=10
        )
        answer: dict[str, Any] = response.json()
        return answer


class LayoutStore:
    """What no daemon does, as the other worlds say it: keys of etcd v3 stand for those of the layout."""

    def __init__(self, raw: Etcd2, keys: Keys) -> None:
        self._raw = raw
        self._keys = keys
        self._leases: dict[int, str] = {}

    async def commit(self, transaction: Transaction) -> Outcome:
        """Writes without conditions."""
        index = 0
        for operation in transaction.operations:
            match operation:
                case Put(key, value):
                    answer = await self._raw.put(self._path(key), value.decode())
                case Delete(key):
                    answer = await self._raw.delete(self._path(key))
                case _:
                    raise NotImplementedError(operation)
            index = answer["node"]["modifiedIndex"]
        return Outcome(True, index)

    async def read(self, *keys: str) -> tuple[Stored | None, ...]:
        """One key."""
        (key,) = keys
        node = await self._raw.node(self._path(key))
        if node is None:
            return (None,)
        lease = node["createdIndex"]
        self._leases[lease] = self._path(key)
        return (Stored(b"", lease, node["modifiedIndex"], lease),)

    async def revoke(self, id: int) -> None:
        """What the end of a time to live does, at once."""
        await self._raw.delete(self._leases[id])

    def _path(self, key: str) -> str:
        word, _, rest = key.removeprefix(self._keys.prefix).partition("/")
        match word:
            case "job":
                return f"job/{rest}/object"
            case "machine":
                return f"machines/{rest}/object"
            case "leader":
                return "lease/engine-leader"
            case _:
                return f"{word}/{rest}" if rest else word


class LayoutWorld:
    """See `tests.registry.world.World`."""

    def __init__(self, urls: tuple[str, ...], prefix: str, *, timeout: float = 2.0) -> None:
        self.keys = Keys.under(prefix)
        self.raw = Etcd2(urls[0], prefix)
        self.store: Any = LayoutStore(self.raw, self.keys)
        self._endpoints = [Endpoint.from_url(url) for url in urls]
        self._timeout = timeout
        self._prefix = prefix
        self._registries: list[Registry] = []

    def connect(self) -> Registry:
        endpoints = turned(self._endpoints, len(self._registries))
        registry = Etcd2Registry(endpoints, Trust(), prefix=self._prefix, timeout=self._timeout)
        self._registries.append(registry)
        return registry

    async def close(self) -> None:
        for registry in self._registries:
            await registry.close()
        self.raw.close()


@asynccontextmanager
async def layout_world(
    urls: tuple[str, ...], prefix: str, *, timeout: float = 2.0
) -> AsyncIterator[LayoutWorld]:
    """A world that is closed when the context ends."""
    world = LayoutWorld(urls, prefix, timeout=timeout)
    try:
        yield world
    finally:
        await world.close()
