"""The units that are begun in one moment: their contents, read together, and their order among themselves."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from agent.errors import NoContent
from agent.ordering import predecessors
from agent.plan import Wanted
from units.file import UnitFile

Content = Callable[[str], Awaitable[UnitFile | None]]


class Round:
    """`wanted` are those to be loaded or started; `content` reads a unit file by its hash."""

    def __init__(self, wanted: Mapping[str, Wanted], content: Content) -> None:
        self._wanted = wanted
        self._content = content
        self._asked = {name: asyncio.Event() for name in wanted}
        self._contents: dict[str, UnitFile | BaseException | None] = {}
        self._first: Mapping[str, frozenset[str]] = {}
        self._read = asyncio.ensure_future(self._prepare())

    async def file(self, name: str) -> UnitFile:
        """The content of a unit, once all have been read. Raises NoContent, RegistryError."""
        await self._read
        hash = self._wanted[name].hash
        match self._contents[hash]:
            case None:
                raise NoContent(hash)
            case BaseException() as error:
                raise error
            case file:
                return file

    async def turn_of(self, name: str) -> None:
        """Wait until systemd has been asked for all that come before a unit, or never will be."""
        await self._read
        for other in self._first.get(name, ()):
            await self._asked[other].wait()

    def asked(self, name: str) -> None:
        """systemd has been asked to start a unit, or will not be in this round."""
        if name in self._asked:
            self._asked[name].set()

    async def _prepare(self) -> None:
        hashes = sorted({want.hash for want in self._wanted.values()})
        found = await asyncio.gather(*map(self._content, hashes), return_exceptions=True)
        self._contents = dict(zip(hashes, found, strict=True))
        files = {name: self._contents[want.hash] for name, want in self._wanted.items()}
        self._first = predecessors({n: file for n, file in files.items() if isinstance(file, UnitFile)})
