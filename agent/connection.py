"""The connection to systemd over D-Bus: the only door to the D-Bus library.

Rule 1: every call ends, within its deadline or at once when the connection does.
Rule 2: what this raises is a HostError; exceptions of the library never leave.
Rule 3: raw messages only, no introspection, and never more than 64 calls at once: both
        libraries lose their connection beyond 200, and dbus-daemon allows 128.

The library is dbus-fast where it is installed (`fleet[fast]`), else dbus-next: the same code, not compiled.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from typing import Any

from agent.errors import HostError, NoAnswer, NoBus, NotLoaded, Refused

LIBRARIES = ("dbus_fast", "dbus_next")
CALLS_AT_ONCE = 64
DEADLINE = 25.0
"""Seconds for an ordinary call; a daemon-reload lets all other calls wait meanwhile."""
SOON = 1.0
"""Seconds within which systemd is expected to answer."""
CONNECT_DEADLINE = 5.0
CLOSE_DEADLINE = 1.0

SYSTEMD = "org.freedesktop.systemd1"
BUS = "org.freedesktop.DBus"
BUS_PATH = "/org/freedesktop/DBus"
NOBODY_THERE = frozenset(
    {"NoReply", "Timeout", "TimedOut", "ServiceUnknown", "NameHasNoOwner", "Disconnected"}
)
NO_SUCH_UNIT = frozenset({f"{SYSTEMD}.NoSuchUnit", f"{BUS}.Error.UnknownObject"})


class Connection:
    """At most one connection at a time; `opened` makes it, and calls fail while there is none."""

    def __init__(self, *, user: bool = False, library: str | None = None) -> None:
        self._user = user
        self._library = _first_importable((library,) if library else LIBRARIES)
        self._bus: Any = None
        self._slots = asyncio.Semaphore(CALLS_AT_ONCE)
        self._deadlines: dict[asyncio.Timeout, tuple[str, float]] = {}
        self._no_bus = NoBus(self._waiting_for("the first connection is not yet made"))

    @property
    def library(self) -> str:
        """Which library it is."""
        return str(self._library.__name__)

    def unanswered(self) -> str | None:
        """The call that has waited longest for its answer, and for more than `SOON`, or None."""
        long_ago = asyncio.get_running_loop().time() - SOON
        return next((call for call, began in self._deadlines.values() if began <= long_ago), None)

    @property
    def is_open(self) -> bool:
        """Whether calls can be made now."""
        return self._bus is not None

    @asynccontextmanager
    async def opened(
        self, heard: Callable[[Any], None], lost: Callable[[NoBus], None]
    ) -> AsyncIterator[asyncio.Future[None]]:
        """Be connected; yields a future that raises NoBus when the connection ends. Raises NoBus.

        `heard` gets each signal that was asked for, `lost` is called once when there will be no more.
        """
        bus = await self._connected()
        ended = asyncio.ensure_future(self._end_of(bus, lost))
        try:
            self._bus = bus
            bus.add_message_handler(heard)
            yield ended
        finally:
            self._close(lost, NoBus(self._waiting_for("the connection was given up")))
            await _disposed(bus, ended)

    async def listen(self, match: str) -> None:
        """Have the signals sent that a match rule describes."""
        await self.call(
            "send its signals", BUS_PATH, BUS, "AddMatch", "s", [match], deadline=DEADLINE, destination=BUS
        )

    async def call(
        self,
        what: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: Sequence[Any] = (),
        *,
        deadline: float = DEADLINE,
        destination: str = SYSTEMD,
    ) -> Sequence[Any]:
        """Make one call and return the body of the reply; `what` says in errors what was asked for.

        Raises NoBus, NoAnswer after `deadline` seconds, Refused.
        """
        message = self._library.Message(
            destination=destination,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
            flags=self._library.MessageFlag.NO_AUTOSTART,
        )
        reply = await self._reply(message, what, deadline)
        if reply.message_type is self._library.MessageType.ERROR:
            raise _refusal(what, reply.error_name, str(reply.body[0]) if reply.body else "")
        return list(reply.body)

    async def _reply(self, message: Any, what: str, deadline: float) -> Any:
        try:
            async with asyncio.timeout(deadline) as timeout, self._counted(timeout, message), self._slots:
                if self._bus is None:
                    raise self._no_bus
                if (reply := await self._bus.call(message)) is not None:
                    return reply
                raise self._no_bus  # the library's answer when the connection is closed on this side
        except TimeoutError:
            if self._bus is None:
                raise self._no_bus from None
            raise NoAnswer(f"systemd did not answer within {deadline:g} s when asked to {what}") from None
        except HostError:
            raise
        except Exception as error:  # the library raises whatever its socket or its parser raised
            raise NoBus(self._waiting_for(_words(error))) from error

    @asynccontextmanager
    async def _counted(self, timeout: asyncio.Timeout, message: Any) -> AsyncIterator[None]:
        self._deadlines[timeout] = (message.member, asyncio.get_running_loop().time())
        try:
            yield
        finally:
            del self._deadlines[timeout]

    async def _connected(self) -> Any:
        kind = self._library.BusType.SESSION if self._user else self._library.BusType.SYSTEM
        aio = import_module(f"{self.library}.aio")
        bus = None
        try:
            async with asyncio.timeout(CONNECT_DEADLINE):
                bus = aio.MessageBus(bus_type=kind)
                return await bus.connect()
        except TimeoutError:
            why = NoBus(self._waiting_for(f"no answer within {CONNECT_DEADLINE:g} s"))
        except Exception as error:  # see _reply
            why = NoBus(self._waiting_for(_words(error)))
        if bus is not None:
            _close_socket(bus)
        raise why

    async def _end_of(self, bus: Any, lost: Callable[[NoBus], None]) -> None:
        try:
            await bus.wait_for_disconnect()
        except Exception as error:  # see _reply
            why = NoBus(self._waiting_for(_words(error)))
        else:
            why = NoBus(self._waiting_for("the connection was closed"))
        self._close(lost, why)
        raise why

    def _close(self, lost: Callable[[NoBus], None], why: NoBus) -> None:
        """Let everybody who waits for an answer know that none will come: the library never does."""
        if self._bus is None:
            return
        self._bus, self._no_bus = None, why
        now = asyncio.get_running_loop().time()
        for deadline in list(self._deadlines):
            deadline.reschedule(now)
        lost(why)

    def _waiting_for(self, why: str) -> str:
        return f"waiting for systemd on the D-Bus {'session' if self._user else 'system'} bus: {why}"


async def _disposed(bus: Any, ended: asyncio.Future[None]) -> None:
    """Disconnect, and close what dbus-next leaves open."""
    if bus.connected:
        bus.disconnect()
    _, late = await asyncio.wait({ended}, timeout=CLOSE_DEADLINE)
    for task in late:
        task.cancel()
    await asyncio.gather(ended, return_exceptions=True)
    _close_socket(bus)


def _close_socket(bus: Any) -> None:
    for end in (bus._stream, bus._sock):
        if end is not None:
            with suppress(OSError):
                end.close()


def _first_importable(names: Iterable[str]) -> Any:
    for name in names:
        try:
            return import_module(name)
        except ImportError:
            continue
    raise ImportError(f"none of these is installed: {', '.join(names)}")


def _words(error: Exception) -> str:
    return "the bus has closed the connection" if isinstance(error, EOFError) else str(error) or repr(error)


def _refusal(what: str, error: str, words: str) -> HostError:
    if error.startswith(f"{BUS}.Error.") and error.rpartition(".")[2] in NOBODY_THERE:
        return NoAnswer(f"systemd is not on the bus to {what}: {words or error}")
    return (NotLoaded if error in NO_SUCH_UNIT else Refused)(what, error, words)
