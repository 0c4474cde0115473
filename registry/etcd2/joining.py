"""How a host becomes present: anew, after a restart of its daemon, or in the place of one that is dead.

Rule 1: a record that is kept alive belongs to somebody else: Occupied.
Rule 2: a record that nobody has renewed until its last second is taken over before it ends, so a host
        whose daemon was killed (that of fleet 1.0, to be replaced by ours) is never away for the others.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from registry.codec import Corrupt
from registry.errors import Occupied, Unavailable
from registry.etcd2 import values
from registry.etcd2.client import Client
from registry.etcd2.held import HeldKey, whole
from registry.etcd2.mirror import Mirror, News
from registry.etcd2.nodes import Node
from registry.etcd2.session import TOKEN, LayoutSession
from registry.etcd2.together import together
from registry.keyvalue.lease import Lease
from units.machine import Machine

log = logging.getLogger(__name__)

LONGEST_WAIT: Final = 12.0
"""Seconds for which joining waits for the end of a record; whoever is told Occupied tries again sooner."""
LAST_SECONDS: Final = 2.0
LOOK_EVERY: Final = 0.2
"""Seconds between two looks at a record that is about to end; etcd says only whole seconds."""


class Joining:
    """Makes hosts present."""

    def __init__(self, client: Client, mirror: Mirror) -> None:
        self._client = client
        self._mirror = mirror
        self._strays: dict[str, tuple[str, int]] = {}
        """By machine ID, a record that we may have made without learning of it, and etcd's index before."""

    @asynccontextmanager
    async def joined(
        self, machine: Machine, *, ttl: float, resume: str | None
    ) -> AsyncIterator[LayoutSession]:
        """See `registry.port.Registry.join`."""
        async with self._mirror.opened(patiently=False):
            asked_at = asyncio.get_running_loop().time()
            held = await self._resumed(machine, ttl, resume)
            while held is None:
                asked_at = asyncio.get_running_loop().time()
                held = await self._appeared(machine, ttl)
            lease = Lease(held.created, held.ttl, asked_at=asked_at, renewer=held)
            session = LayoutSession(self._client, self._mirror, held, lease, machine.id)
            async with self._mirror.heard_by(session.hear), lease.kept(), session.kept():
                yield session

    async def _resumed(self, machine: Machine, ttl: float, token: str | None) -> HeldKey | None:
        """The record of an earlier daemon of this host, or None when it is over."""
        created = (token or "").removeprefix(TOKEN)
        if not (token or "").startswith(TOKEN) or not created.isdecimal():
            return None
        node = (await self._client.get(_path(machine.id))).node
        if node is None or node.created != int(created):
            return None
        return await self._taken_over(machine, ttl, node, "resumed: machine %s was present all the time")

    async def _appeared(self, machine: Machine, ttl: float) -> HeldKey | None:
        """A record of its own; None if it has to be tried again. Raises Occupied, Unavailable."""
        answer = await self._client.get(_path(machine.id))
        if answer.node is not None:
            return await self._succeeded(machine, ttl, answer.node, answer.ttl)
        await self._forget_the_past(machine.id)
        value = values.write_machine(machine)
        try:
            made = await self._client.put(_path(machine.id), value, ttl=whole(ttl), prevExist=False)
        except Unavailable:
            self._strays[machine.id] = (value, answer.index)
            raise
        if made.node is None:
            return None
        log.info("joined: machine %s is present", machine.id)
        return HeldKey(self._client, _path(machine.id), made.node, ttl=ttl)

    async def _succeeded(
        self, machine: Machine, ttl: float, node: Node, rest: float | None
    ) -> HeldKey | None:
        """The record of somebody who is dead, taken over. Raises Occupied for one who lives."""
        if self._is_stray(machine.id, node):
            return await self._taken_over(machine, ttl, node, "joined: machine %s is present")
        if rest is None or rest > LONGEST_WAIT:
            raise Occupied(_occupant(machine.id, node, rest))
        while rest > 1:
            await self._quiet(machine.id, max(LOOK_EVERY, rest - LAST_SECONDS))
            answer = await self._client.get(_path(machine.id))
            if answer.node is None:
                return None
            if answer.node.modified != node.modified or answer.ttl is None:
                raise Occupied(_occupant(machine.id, answer.node, answer.ttl))
            rest = answer.ttl
        words = "joined: machine %s goes on from a daemon that no longer says anything"
        return await self._taken_over(machine, ttl, node, words)

    async def _taken_over(self, machine: Machine, ttl: float, node: Node, words: str) -> HeldKey | None:
        held = HeldKey(self._client, _path(machine.id), node, ttl=ttl)
        if not await held.change(values.write_machine(machine)):
            return None
        log.info(words, machine.id)
        return held

    def _is_stray(self, id: str, node: Node) -> bool:
        value, index = self._strays.get(id, ("", 0))
        return node.value == value and node.created > index

    async def _quiet(self, id: str, seconds: float) -> None:
        """Wait, but not beyond the next word about a machine."""
        heard = asyncio.Event()

        def hear(news: News) -> None:
            if ("machines", id) in news.touched:
                heard.set()

        async with self._mirror.heard_by(hear):
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await heard.wait()

    async def _forget_the_past(self, id: str) -> None:
        """Remove what an earlier daemon of this host has said: who joins says everything anew."""
        await self._mirror.fresh()
        nodes = self._mirror.nodes
        names = [name for name in nodes.names("states") if id in nodes.group("states", name)]
        await together(self._client.delete(f"states/{name}/{id}") for name in names)
        await self._client.delete(f"left/{id}")


def _path(id: str) -> str:
    return f"machines/{id}/object"


def _occupant(id: str, node: Node, rest: float | None) -> str:
    """Who is present under a machine ID, and what to do about it."""
    who = "a daemon that cannot be read"
    with suppress(Corrupt):
        if other := values.read_machine(id, node.value):
            who = f"a daemon of version {other.version or 'unknown'} at {other.ip or 'an unknown address'}"
    end = "never ends by itself" if rest is None else f"ends within {rest:g} s"
    return (
        f"machine ID {id} is in use by {who}: two hosts cannot share one (see /etc/machine-id); "
        f"if it is an earlier daemon of this very host, its record {end}"
    )
