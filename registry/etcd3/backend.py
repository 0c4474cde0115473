"""The registry in etcd v3."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from registry.errors import Lost, Unavailable
from registry.etcd3.client import Client
from registry.etcd3.faults import Compacted
from registry.etcd3.messages import reading_request, transaction_request
from registry.etcd3.reading import now
from registry.etcd3.view import Etcd3View
from registry.etcd3.watch import Watch
from registry.keys import DEFAULT_PREFIX, Keys, Range
from registry.keyvalue.lease import Lease
from registry.keyvalue.registry import KeyValueRegistry
from registry.keyvalue.store import Stored
from registry.keyvalue.transactions import Outcome, Transaction
from registry.port import Scope
from registry.settings import PATIENCE, Credentials, Endpoint

log = logging.getLogger(__name__)

PAUSE: Final = 0.1
"""Seconds between attempts, each of which is patient by itself."""


class Etcd3Registry(KeyValueRegistry):
    """See `registry.port.Registry`."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        credentials: Credentials,
        *,
        prefix: str = DEFAULT_PREFIX,
        timeout: float = 1.0,
        patience: float = PATIENCE,
    ) -> None:
        """`timeout` is that of one request in seconds, `patience` that of an operation in such."""
        client = Client(endpoints, credentials, timeout=timeout, patience=patience)
        super().__init__(Etcd3Store(client), Keys.under(prefix))


class Etcd3Store:
    """See `registry.keyvalue.store.Store`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._stubs = client.stubs

    @property
    def steady_since(self) -> float:
        return self._client.contact.steady_since

    async def commit(self, transaction: Transaction) -> Outcome:
        request = transaction_request(self._stubs, transaction)
        answer = await self._client.call("KV.Txn", request, again=False)
        return Outcome(answer.succeeded, answer.header.revision)

    async def read(self, *keys: str) -> tuple[Stored | None, ...]:
        return (await self._read(*keys))[0]

    async def revision(self) -> int:
        return (await now(self._client)).revision

    async def wait_absent(self, key: str) -> None:
        while True:
            try:
                if await self._is_absent(key):
                    return
            except Compacted:
                continue
            except Unavailable as error:
                log.debug("waiting for the end of %s: %s", key, error)
                await asyncio.sleep(PAUSE)

    async def grant(self, ttl: float) -> Lease:
        asked_at = asyncio.get_running_loop().time()
        request = self._stubs.LeaseGrantRequest(TTL=math.ceil(ttl))
        answer = await self._client.call("Lease.LeaseGrant", request, again=True)
        return Lease(answer.ID, float(answer.TTL), asked_at=asked_at, renewer=self)

    async def adopt(self, id: int) -> Lease | None:
        asked_at = asyncio.get_running_loop().time()
        ttl = await self.renew(id)
        return Lease(id, ttl, asked_at=asked_at, renewer=self) if ttl > 0 else None

    async def renew(self, id: int) -> float:
        request = self._stubs.LeaseKeepAliveRequest(ID=id)
        return float((await self._client.exchange("Lease.LeaseKeepAlive", request)).TTL)

    async def revoke(self, id: int) -> None:
        try:
            request = self._stubs.LeaseRevokeRequest(ID=id)
            await self._client.call("Lease.LeaseRevoke", request, again=True)
        except Lost:
            log.debug("lease %x had ended already", id)

    @asynccontextmanager
    async def follow(self, keys: Keys, scope: Scope) -> AsyncIterator[Etcd3View]:
        view = Etcd3View(self._client, keys, scope)
        await view.load()
        task = asyncio.create_task(view.keep_up(), name=f"follow {scope}")
        try:
            yield view
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def close(self) -> None:
        await self._client.close()

    async def _read(self, *keys: str) -> tuple[tuple[Stored | None, ...], int]:
        """Some keys, and the revision they are of."""
        requests = [self._stubs.RangeRequest(key=key.encode()) for key in keys]
        answer = await self._client.call("KV.Txn", reading_request(self._stubs, requests), again=True)
        found = (response.response_range.kvs for response in answer.responses)
        return tuple(_stored(kvs) for kvs in found), answer.header.revision

    async def _is_absent(self, key: str) -> bool:
        """Whether a key does not exist, now or when its watch says so; False if it was put again."""
        (stored,), revision = await self._read(key)
        if stored is None:
            return True
        async with Watch(self._client, (Range(key, tree=False),), revision + 1) as watch:
            return (await watch.next()).changes[-1].value is None


def _stored(kvs: Any) -> Stored | None:
    for kv in kvs:
        return Stored(kv.value, kv.create_revision, kv.mod_revision, kv.lease)
    return None
