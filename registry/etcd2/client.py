"""Requests to etcd: to whichever member answers, in bounded time, with errors of our own.

Rule 1: a request ends within the request timeout (once for connecting, once for the answer), an operation
        (a request with its repetitions on other members) within about `patience` times that.
Rule 2: a write whose fate is not known is never repeated: Unavailable says so. (1.0 repeats such writes.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from registry.contact import Contact
from registry.errors import Faults, Refused, RegistryError, Unavailable
from registry.etcd2.door import Reply, Trust
from registry.etcd2.faults import HISTORY_CLEARED, Verdict, cause, code, verdict
from registry.etcd2.members import Members
from registry.etcd2.nodes import Event, Node
from registry.settings import PATIENCE, Endpoint

FIRST_PAUSE: Final = 0.02
LONGEST_PAUSE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Answer:
    """What etcd did, or why it did not (`code`, 0 if it did)."""

    code: int
    index: int
    """Its index afterwards; after a write that took place, that of the write."""
    fields: Mapping[str, Any] | None = None
    """The node, as it came."""

    @classmethod
    def of(cls, reply: Reply) -> Answer:
        """The answer in a reply that is one."""
        body = reply.body or {}
        fields = body.get("node")
        if fields and body.get("action") != "get":
            return cls(0, fields["modifiedIndex"], fields)
        return cls(code(reply), reply.index or body.get("index", 0), fields)

    @property
    def took_place(self) -> bool:
        """Whether it was done."""
        return not self.code

    @property
    def node(self) -> Node | None:
        """The node, if it is a key with a value."""
        return None if self.fields is None or self.fields.get("dir") else Node.of(self.fields)

    @property
    def ttl(self) -> float | None:
        """The seconds that the node lasts, None when it has no end or is none."""
        ttl = (self.fields or {}).get("ttl")
        return None if ttl is None else float(ttl)


@dataclass(frozen=True, slots=True)
class Polled:
    """What a long poll brought: an event, or the word that the past it asked for is gone, or neither."""

    index: int
    """etcd's index when the poll began: the first event since then would be the one it brought."""
    event: Event | None = None
    is_too_late: bool = False


class Client:
    """A connection to a cluster of etcd, to what is below one prefix."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        trust: Trust,
        *,
        prefix: str,
        timeout: float,
        patience: float = PATIENCE,
    ) -> None:
        """`prefix` has no slash at its end; `timeout` is that of a request in seconds, `patience` in such."""
        self.prefix: Final = prefix
        self.timeout: Final = timeout
        self.patience: Final = patience * timeout
        self.members: Final = Members(endpoints, trust)
        self.contact: Final = Contact()

    async def get(self, path: str, *, recursive: bool = False) -> Answer:
        """A key, or a directory with all below it, as it is now: through the quorum."""
        query = {"quorum": "true"} | ({"recursive": "true"} if recursive else {})
        return await self._operation("GET", path, query, None, again=True)

    async def index(self) -> int:
        """The index of etcd now. What was written before has no later one."""
        return (await self.get("engine/version")).index

    async def put(
        self, path: str, value: str, *, ttl: int | None = None, **condition: bool | int | str
    ) -> Answer:
        """Write a key, if a condition (`prevExist`, `prevValue`, `prevIndex`) holds. `ttl` in seconds."""
        form = {"value": value} | ({} if ttl is None else {"ttl": str(ttl)})
        return await self._operation("PUT", path, _words(condition), form, again=False)

    async def delete(self, path: str, **condition: bool | int | str) -> Answer:
        """Remove a key, with `recursive` all below it too, with `dir` an empty directory."""
        return await self._operation("DELETE", path, _words(condition), None, again=False)

    async def poll(self, index: int) -> Polled:
        """The next event below the prefix, from an index on. Raises Unavailable, Refused."""
        turn, address = self.members.turn, self.members.address
        outcome = await self.members.poll(self.prefix, index, self.timeout)
        if isinstance(outcome, Reply) and outcome.status == 200 and outcome.index:
            event = Event.of(outcome.body, self.prefix) if outcome.body else None
            return Polled(outcome.index, event)
        if isinstance(outcome, Reply) and code(outcome) == HISTORY_CLEARED:
            return Polled(0, is_too_late=True)
        self.members.move_on(turn)
        kind = Refused if verdict(outcome) is Verdict.REFUSED else Unavailable
        raise kind(f"etcd at {address}: {cause(outcome)}")

    async def close(self) -> None:
        """End what is under way."""
        await self.members.close()

    async def _operation(
        self, method: str, path: str, query: Mapping[str, str], form: Mapping[str, str] | None, *, again: bool
    ) -> Answer:
        """A request, and its repetitions on other members as far as they can help and do no harm."""
        key = f"{self.prefix}/{checked(path)}" if path else self.prefix
        loop = asyncio.get_running_loop()
        deadline, pause, tries = loop.time() + self.patience, FIRST_PAUSE, 0
        faults = Faults()
        while True:
            turn, address = self.members.turn, self.members.address
            outcome = await self.members.ask(lambda door: door.ask(method, key, query, form, self.timeout))
            judged = verdict(outcome)
            if isinstance(outcome, Reply) and judged is Verdict.ANSWERED:
                self.contact.answered(address)
                return Answer.of(outcome)
            tries += 1
            faults.note(address, cause(outcome))
            self.members.move_on(turn)
            if judged is not Verdict.REFUSED and tries >= len(self.members):
                self.contact.missed()
            may_repeat = again or judged is not Verdict.UNKNOWN
            if not may_repeat or self._is_hopeless(judged, tries) or loop.time() + pause > deadline:
                raise self._failure(judged, str(faults), tries)
            if tries % len(self.members) == 0:
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def _is_hopeless(self, judged: Verdict, tries: int) -> bool:
        """Whether every member has been asked, and this one will never do it."""
        return judged is Verdict.REFUSED and tries >= len(self.members)

    def _failure(self, judged: Verdict, why: str, tries: int) -> RegistryError:
        if judged is Verdict.REFUSED:
            return Refused(why)
        if tries >= len(self.members):
            self.contact.lost(why)
        return Unavailable(why)


def checked(path: str) -> str:
    """A path that means in etcd what it says. Raises Refused for one that etcd would hide or rewrite."""
    for part in path.split("/"):
        if part in ("", ".", ".."):
            raise Refused(f"{path!r} is no key of etcd v2: {part!r} cannot be a part of one")
        if part.startswith("_"):
            raise Refused(f"{path!r} cannot be used: etcd v2 hides keys that begin with an underscore")
    return path


def _words(condition: Mapping[str, bool | int | str]) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in condition.items()
    }
