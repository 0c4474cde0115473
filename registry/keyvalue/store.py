"""What a store must do for the registry over it. The memory and the etcd v3 backends are such stores."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from registry.keys import Keys
from registry.keyvalue.lease import Lease
from registry.keyvalue.transactions import Outcome, Transaction
from registry.port import Scope, View


@dataclass(frozen=True, slots=True)
class Stored:
    """A key as it is stored, with the revisions of its creation and last change, and its lease (0: none)."""

    value: bytes
    created: int
    modified: int
    lease: int


class Store(Protocol):
    """Keys with revisions, leases, guarded transactions and watches."""

    @property
    def steady_since(self) -> float:
        """See `registry.port.Registry`."""

    async def commit(self, transaction: Transaction) -> Outcome:
        """Carry out a transaction, once. Raises Unavailable: then it is not known whether it took place."""

    async def read(self, *keys: str) -> tuple[Stored | None, ...]:
        """Some keys as they are now, at one revision. Raises Unavailable."""

    async def revision(self) -> int:
        """The revision of the store now. Raises Unavailable."""

    async def wait_absent(self, key: str) -> None:
        """Wait until a key does not exist, however long; also while the store is away."""

    async def grant(self, ttl: float) -> Lease:
        """A new lease of about so many seconds. Raises Unavailable."""

    async def adopt(self, id: int) -> Lease | None:
        """A lease that was granted earlier, renewed; None if it has ended. Raises Unavailable."""

    async def revoke(self, id: int) -> None:
        """End a lease, with all that hangs on it. Raises Unavailable."""

    def follow(self, keys: Keys, scope: Scope) -> AbstractAsyncContextManager[View]:
        """Keep a picture of a scope. Waits while the store is away."""

    async def close(self) -> None:
        """Close connections."""
