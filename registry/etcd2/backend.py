"""The registry in etcd v2, in the layout of fleet 1.0."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from registry import codec
from registry.codec import Corrupt
from registry.errors import Conflict
from registry.etcd2 import values
from registry.etcd2.client import Client
from registry.etcd2.door import Trust
from registry.etcd2.election import Campaign
from registry.etcd2.faults import KEY_EXISTS
from registry.etcd2.jobs import HALF_WRITTEN, OBJECT, TARGET_STATE, files_hash, job_of
from registry.etcd2.joining import Joining
from registry.etcd2.leadership import LayoutLeadership
from registry.etcd2.mirror import Mirror
from registry.etcd2.nodes import Node, leaves
from registry.etcd2.session import LayoutSession
from registry.etcd2.view import LayoutView
from registry.keys import DEFAULT_PREFIX, Keys
from registry.port import Scope
from registry.records import Job, Leader, Verdict
from registry.settings import PATIENCE, Endpoint
from units.file import UnitFile
from units.machine import Machine

log = logging.getLogger(__name__)

FILES_REMEMBERED: Final = 4096


class Etcd2Registry:
    """See `registry.port.Registry`."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        trust: Trust,
        *,
        prefix: str = DEFAULT_PREFIX,
        timeout: float = 1.0,
        patience: float = PATIENCE,
    ) -> None:
        """`timeout` is that of one request in seconds, `patience` that of an operation in such."""
        keys = Keys.under(prefix)
        folder = keys.prefix.rstrip("/")
        self._client = Client(endpoints, trust, prefix=folder, timeout=timeout, patience=patience)
        self._mirror = Mirror(self._client, keys)
        self._joining = Joining(self._client, self._mirror)
        self._files: OrderedDict[str, UnitFile] = OrderedDict()

    @property
    def steady_since(self) -> float:
        return self._client.contact.steady_since

    @asynccontextmanager
    async def follow(self, scope: Scope) -> AsyncIterator[LayoutView]:
        async with self._mirror.opened():
            view = LayoutView(self._mirror, scope)
            async with self._mirror.heard_by(view.hear):
                yield view

    def join(
        self, machine: Machine, *, ttl: float, resume: str | None = None
    ) -> AbstractAsyncContextManager[LayoutSession]:
        return self._joining.joined(machine, ttl=ttl, resume=resume)

    def campaign(self, leader: Leader, *, ttl: float) -> AbstractAsyncContextManager[LayoutLeadership]:
        return Campaign(self._client, self._mirror, leader, ttl).won()

    async def job(self, name: str) -> Job | None:
        return await self._job(name, await self._rows(name))

    async def verdict(self, name: str) -> Verdict | None:
        node = (await self._client.get(f"verdict/{name}")).node
        if node is None:
            return None
        try:
            return codec.read_verdict(name, node.value.encode())
        except Corrupt as error:
            log.warning("%s/verdict/%s %s", self._client.prefix, name, error)
            return None

    async def unit_file(self, hash: str) -> UnitFile | None:
        if (file := self._files.get(hash)) is not None:
            self._files.move_to_end(hash)
            return file
        return await self._stored_file(hash)

    async def save(self, job: Job, file: UnitFile | None, *, seen: Job | None) -> int:
        if file is None and (seen is None or seen.hash != job.hash):
            raise ValueError(f"the content of {job.name} has changed but was not given")
        rows = await self._as_seen(job.name, seen)
        if file is not None:
            await self._store(file)
        if seen is None:
            # The state comes first: nobody ever sees a unit that has none.
            await self._write(job.name, TARGET_STATE, job.desired.value, rows)
            return await self._write(job.name, OBJECT, values.write_object(job.name, job.hash), rows)
        if job.hash != seen.hash:
            await self._write(job.name, OBJECT, values.write_object(job.name, job.hash), rows)
        return await self._write(job.name, TARGET_STATE, job.desired.value, rows)

    async def destroy(self, seen: Job) -> int:
        return await self._remove(seen.name, await self._as_seen(seen.name, seen))

    async def clear(self, name: str) -> bool:
        rows = await self._rows(name)
        if OBJECT not in rows or await self._job(name, rows) is not None:
            return False
        await self._remove(name, rows)
        return True

    async def set_metadata(self, machine: str, values: Mapping[str, str]) -> int:
        index = 0
        for key, value in values.items():
            answer = await self._client.put(f"machines/{machine}/metadata/{key}", value)
            index = answer.index
        return index or await self._client.index()

    async def close(self) -> None:
        await self._client.close()

    async def _rows(self, name: str) -> dict[str, Node]:
        """What is stored below `job/<name>`."""
        answer = await self._client.get(f"job/{name}", recursive=True)
        start = len(f"{self._client.prefix}/job/{name}/")
        return {key[start:]: node for key, node in leaves(answer.fields)}

    async def _job(self, name: str, rows: Mapping[str, Node]) -> Job | None:
        hash = files_hash(name, rows)
        file = await self.unit_file(hash) if hash is not None else None
        try:
            return job_of(name, rows, {file.hash: file} if file is not None else {})
        except Corrupt as error:
            if str(error) != HALF_WRITTEN:
                log.warning("%s/job/%s %s", self._client.prefix, name, error)
            return None

    async def _remove(self, name: str, rows: Mapping[str, Node]) -> int:
        """Remove what is stored of a unit, if it is still what was read. Raises Conflict."""
        path = f"job/{name}"
        answer = await self._client.delete(f"{path}/{OBJECT}", prevIndex=rows[OBJECT].modified)
        if not answer.took_place:
            raise _changed(name)
        # From here on the unit is gone. What is left goes only if nobody has made it anew meanwhile.
        for rest in sorted(rows.keys() - {OBJECT}):
            await self._client.delete(f"{path}/{rest}", prevIndex=rows[rest].modified)
        await self._client.delete(path, dir=True)
        await self._client.delete(f"verdict/{name}")
        return answer.index

    async def _as_seen(self, name: str, seen: Job | None) -> dict[str, Node]:
        """What is stored of a unit, if it is as it was seen. One that cannot be read is as good as none."""
        rows = await self._rows(name)
        job = await self._job(name, rows)
        if seen is None and job is not None:
            raise Conflict(f"{name} exists already")
        if seen is not None and (job is None or job.version != seen.version):
            raise _changed(name)
        return rows

    async def _write(self, name: str, key: str, value: str, rows: Mapping[str, Node]) -> int:
        """Write one key of a unit, if nobody else has since it was read."""
        path, there = f"job/{name}/{key}", rows.get(key)
        if there is None:
            answer = await self._client.put(path, value, prevExist=False)
        else:
            answer = await self._client.put(path, value, prevIndex=there.modified)
        if not answer.took_place:
            raise _changed(name)
        return answer.index

    async def _stored_file(self, hash: str) -> UnitFile | None:
        """A content as it is stored now, None if it is not there or cannot be read."""
        node = (await self._client.get(f"unit/{hash}")).node
        if node is None:
            return None
        try:
            file = values.read_file(hash, node.value)
        except Corrupt as error:
            log.warning("%s/unit/%s %s", self._client.prefix, hash, error)
            return None
        self._remember(file)
        return file

    async def _store(self, file: UnitFile) -> None:
        """Store a content, unless it is there. One that cannot be read is written again."""
        path, text = f"unit/{file.hash}", values.write_file(file)
        answer = await self._client.put(path, text, prevExist=False)
        if answer.code == KEY_EXISTS and await self._stored_file(file.hash) is None:
            await self._client.put(path, text)
        self._remember(file)

    def _remember(self, file: UnitFile) -> None:
        self._files[file.hash] = file
        if len(self._files) > FILES_REMEMBERED:
            self._files.popitem(last=False)


def _changed(name: str) -> Conflict:
    return Conflict(f"{name} has been changed or destroyed meanwhile")
