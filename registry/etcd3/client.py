"""Requests to etcd: to whichever member answers, in bounded time, with errors of our own.

Rule 1: a request ends within the request timeout, an operation (a request with its repetitions on
        other members) within `patience` times that. Streams end when their member does.
Rule 2: a write whose fate is not known is never repeated: Unavailable says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import grpc
import grpc.aio

from registry.contact import Contact
from registry.errors import Faults, Lost, Refused, RegistryError, Unavailable
from registry.etcd3.channels import Channels
from registry.etcd3.faults import FAULTS, Compacted, EndedEarly, Fault, Verdict, fault_of, unavailable
from registry.etcd3.stubs import Stubs, stubs
from registry.settings import PATIENCE, Credentials, Endpoint

FIRST_PAUSE: Final = 0.02
LONGEST_PAUSE: Final = 0.5
LOGINS_PER_OPERATION: Final = 2


class Client:
    """A connection to a cluster of etcd."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        credentials: Credentials,
        *,
        timeout: float,
        patience: float = PATIENCE,
    ) -> None:
        """`timeout` is that of one request in seconds, `patience` in such."""
        self.stubs: Final[Stubs] = stubs()
        self.timeout: Final = timeout
        self.patience: Final = patience * timeout
        self.channels: Final = Channels(endpoints, credentials)
        self._credentials = credentials
        self._token = ""
        self._logging_in = asyncio.Lock()
        self.contact: Final = Contact()

    async def call(self, method: str, request: Any, *, again: bool, timeout: float | None = None) -> Any:
        """The answer to one request. With `again` it does no harm to carry it out twice.

        Raises Unavailable, Refused, Lost (it named a lease that has ended), Compacted.
        """
        return await self._operation(
            lambda: self._answer(method, request, timeout or self.timeout), again=again
        )

    async def exchange(self, method: str, request: Any) -> Any:
        """The first answer of a stream to its first request, which may be sent twice. Raises as `call`."""
        return await self._operation(lambda: self._first_answer(method, request), again=True)

    async def stream(self, method: str) -> Any:
        """A stream to the member in use. What it raises goes through `fault_of`."""
        channel = await self.channels.settled(self.timeout)
        await self.log_in()
        return self._bound(channel.stream_stream, method)(metadata=self._metadata())

    def broken_stream(self, error: BaseException, turn: int, address: str) -> RegistryError:
        """What to raise for one of FAULTS on a stream; the next one goes to another member."""
        fault = fault_of(error)
        match fault.verdict:
            case Verdict.COMPACTED:
                return Compacted(f"etcd at {address}: {fault.why}")
            case Verdict.REFUSED:
                return Refused(f"etcd at {address}: {fault.why}")
            case Verdict.LOG_IN:
                self.forget_token()
            case _:
                self.channels.move_on(turn)
        return unavailable(address, fault.why)

    async def log_in(self) -> None:
        """Get a token, if there is a user and none was got yet. Raises AioRpcError."""
        if not self._credentials.username or self._token:
            return
        async with self._logging_in:
            if not self._token:
                self._token = await self._new_token()

    def forget_token(self) -> None:
        """The token is void: log in again before the next request."""
        self._token = ""

    async def close(self) -> None:
        """Close the connection; calls that are under way end."""
        await self.channels.close()

    async def _operation(self, attempt: Callable[[], Awaitable[Any]], *, again: bool) -> Any:
        """An attempt, and its repetitions on other members as far as they can help and do no harm."""
        loop = asyncio.get_running_loop()
        deadline, pause, tries, logins = loop.time() + self.patience, FIRST_PAUSE, 0, 0
        faults = Faults()
        while True:
            turn, address = self.channels.turn, self.channels.address
            fault = await self._tried(attempt)
            if not isinstance(fault, Fault):
                self.contact.answered(address)
                return fault
            tries += 1
            self._give_up_on(fault, address, tries)
            if tries >= len(self.channels):
                self.contact.missed()
            if fault.verdict is Verdict.LOG_IN:
                logins += 1
                if not self._credentials.username or logins > LOGINS_PER_OPERATION:
                    raise Refused(f"etcd at {address}: {fault.why}")
                self.forget_token()
                continue
            faults.note(address, fault.why)
            self.channels.move_on(turn)
            if loop.time() + pause > deadline or not (again or fault.verdict is Verdict.NOT_CARRIED_OUT):
                error = Unavailable(str(faults))
                if tries >= len(self.channels):
                    self.contact.lost(str(error))
                raise error
            if tries % len(self.channels) == 0:
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    async def _tried(self, attempt: Callable[[], Awaitable[Any]]) -> Any:
        """The answer to an attempt, or a Fault."""
        try:
            return await attempt()
        except FAULTS as error:
            return fault_of(error)

    def _give_up_on(self, fault: Fault, address: str, tries: int) -> None:
        """Raise what no repetition can mend."""
        match fault.verdict:
            case Verdict.REFUSED:
                raise Refused(f"etcd at {address}: {fault.why}")
            case Verdict.LEASE_GONE:
                raise Lost(f"etcd at {address}: {fault.why}")
            case Verdict.COMPACTED:
                raise Compacted(f"etcd at {address}: {fault.why}")
            case Verdict.NOT_CARRIED_OUT if fault.is_about_certificates and tries >= len(self.channels):
                raise Refused(f"etcd at {address}: {fault.why}")
            case _:
                return

    async def _answer(self, method: str, request: Any, timeout: float) -> Any:
        channel = await self.channels.settled(self.timeout)
        await self.log_in()
        return await self._bound(channel.unary_unary, method)(
            request, timeout=timeout, metadata=self._metadata()
        )

    async def _first_answer(self, method: str, request: Any) -> Any:
        channel = await self.channels.settled(self.timeout)
        await self.log_in()
        stream = self._bound(channel.stream_stream, method)(timeout=self.timeout, metadata=self._metadata())
        try:
            await stream.write(request)
            answer = await stream.read()
        finally:
            stream.cancel()
        if answer is grpc.aio.EOF:
            raise EndedEarly
        return answer

    async def _new_token(self) -> str:
        request = self.stubs.AuthenticateRequest(
            name=self._credentials.username, password=self._credentials.password
        )
        channel = await self.channels.settled(self.timeout)
        try:
            answer = await self._bound(channel.unary_unary, "Auth.Authenticate")(
                request, timeout=self.timeout
            )
        except grpc.aio.AioRpcError as error:
            if "authentication is not enabled" in (error.details() or ""):
                return ""
            raise
        return str(answer.token)

    def _bound(self, kind: Any, name: str) -> Any:
        """A callable for a method on a channel. `kind` is the channel's maker of such."""
        method = self.stubs.methods[name]
        return kind(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        """With `hasleader` a member without a leader says so, instead of keeping us waiting."""
        leader = (("hasleader", "true"),)
        return (*leader, ("token", self._token)) if self._token else leader
