"""Scripted daemons of fleet 1.0: the requests of its specification (§3, §7), nothing of ours."""

from __future__ import annotations

import json
from typing import Any

from tests.registry.layout_world import Etcd2


class Veteran:
    """The agent and the presence of one 1.0 daemon. Nothing happens by itself."""

    def __init__(self, raw: Etcd2, id: str, *, ip: str = "", ttl: int = 30, **metadata: str) -> None:
        self.raw = raw
        self.id = id
        self.ttl = ttl
        self.running: dict[str, str] = {}
        """What it has: units and how far."""
        self.record = (
            f'{{"ID":"{id}","PublicIP":"{ip}","Metadata":{json.dumps(metadata, separators=(",", ":"))},'
            '"Capabilities":{"DISABLE_ENGINE":false,"GRPC":false},"Version":"1.0.0"}'
        )

    async def register(self) -> dict[str, Any]:
        return await self.raw.put(self._machine, self.record, ttl=self.ttl, prevExist=False)

    async def beat(self) -> None:
        answer = await self.raw.put(self._machine, self.record, ttl=self.ttl, prevExist=True)
        if "errorCode" in answer:
            await self.register()

    async def leave(self) -> None:
        for name in sorted(self.running):
            await self._unload(name)
        await self.raw.delete(self._machine)

    async def agent_pass(self) -> None:
        """Load, start, stop and unload as `target` and `target-state` say."""
        jobs = await jobs_of(self.raw)
        wanted = {
            name: job["target-state"]
            for name, job in jobs.items()
            if job.get("target") == self.id and job.get("target-state") in ("loaded", "launched")
        }
        for name in sorted(self.running.keys() - wanted.keys()):
            await self._unload(name)
        for name, state in sorted(wanted.items()):
            if state == "launched":
                await self.raw.put(f"job/{name}/job-state", self.id, ttl=self.ttl)
            elif self.running.get(name) == "launched":
                await self.raw.delete(f"job/{name}/job-state")
            self.running[name] = state
            await self._publish(name, state, jobs[name]["object"])

    async def _publish(self, name: str, state: str, hash: str) -> None:
        active, sub = ("active", "running") if state == "launched" else ("inactive", "dead")
        said = (
            f'{{"loadState":"loaded","activeState":"{active}","subState":"{sub}","machineState":'
            f'{{"ID":"{self.id}","PublicIP":"","Metadata":null,"Capabilities":null,"Version":""}},'
            f'"unitHash":"{hash}"}}'
        )
        await self.raw.put(f"state/{name}", said, ttl=self.ttl)
        await self.raw.put(f"states/{name}/{self.id}", said, ttl=self.ttl)

    async def _unload(self, name: str) -> None:
        """With its defect: the states of all machines go."""
        self.running.pop(name, None)
        await self.raw.delete(f"job/{name}/job-state")
        await self.raw.delete(f"state/{name}")
        await self.raw.delete(f"states/{name}", recursive=True)

    @property
    def _machine(self) -> str:
        return f"machines/{self.id}/object"


class VeteranEngine:
    """The engine of a 1.0 daemon."""

    def __init__(self, raw: Etcd2, id: str, *, ttl: int = 10) -> None:
        self.raw = raw
        self.id = id
        self.ttl = ttl
        self.index = 0
        """Of its last write of the lease; 0 while it does not lead."""

    async def engine_pass(self) -> bool:
        """One pass; whether it led."""
        if await self._passes_gate() and await self._leads():
            await self._schedule()
            return True
        return False

    async def release(self) -> None:
        await self.raw.delete("lease/engine-leader", prevIndex=self.index)
        self.index = 0

    async def _passes_gate(self) -> bool:
        version = await self.raw.value("engine/version") or "0"
        if int(version) < 1:
            answer = await self.raw.put("engine/version", "1", prevValue=version)
            if answer.get("errorCode") == 100:
                await self.raw.put("engine/version", "1", prevExist=False)
        return int(version) <= 1

    async def _leads(self) -> bool:
        lease = f'{{"MachineID":"{self.id}","Version":1}}'
        if self.index:
            answer = await self.raw.put("lease/engine-leader", lease, ttl=self.ttl, prevIndex=self.index)
        elif (there := await self.raw.value("lease/engine-leader")) is None:
            answer = await self.raw.put("lease/engine-leader", lease, ttl=self.ttl, prevExist=False)
        else:
            assert json.loads(there)["Version"] >= 1, "a holder of the same version is accepted"
            return False
        self.index = answer["node"]["modifiedIndex"] if "node" in answer else 0
        return self.index > 0

    async def _schedule(self) -> None:
        """Take off what is not wanted or whose machine is gone; place on the least loaded machine."""
        machines = await machines_of(self.raw)
        jobs = await jobs_of(self.raw)
        load = dict.fromkeys(machines, 0)
        for name, job in jobs.items():
            target = job.get("target")
            if target and (job["target-state"] == "inactive" or target not in machines):
                await self.raw.delete(f"job/{name}/target", prevValue=target)
                job.pop("target")
            elif target:
                load[target] += 1
        for name, job in jobs.items():
            if "target" not in job and job["target-state"] != "inactive" and load:
                chosen = min(load, key=lambda id: (load[id], id))
                await self.raw.put(f"job/{name}/target", chosen, prevExist=False)
                load[chosen] += 1


async def submit(raw: Etcd2, name: str, text: str, hash: str, state: str) -> None:
    """What the API of 1.0 writes for a new unit, in its order."""
    numbers = ",".join(str(number) for number in bytes.fromhex(hash))
    await raw.put(f"unit/{hash}", json.dumps({"Raw": text}, separators=(",", ":")), prevExist=False)
    await raw.put(f"job/{name}/object", f'{{"Name":"{name}","UnitHash":[{numbers}]}}')
    await raw.put(f"job/{name}/target-state", state)


async def jobs_of(raw: Etcd2) -> dict[str, dict[str, str]]:
    """All units as 1.0 reads them; under `object` the hash."""
    jobs: dict[str, dict[str, str]] = {}
    for path, value in (await raw.dump()).items():
        if path.startswith("job/"):
            _, name, key = path.split("/")
            jobs.setdefault(name, {})[key] = value
    readable = {name: job for name, job in jobs.items() if "object" in job}
    for job in readable.values():
        job["object"] = bytes(json.loads(job["object"])["UnitHash"]).hex()
    return readable


async def machines_of(raw: Etcd2) -> dict[str, dict[str, Any]]:
    """All present machines, as 1.0 reads them."""
    found = {path: value for path, value in (await raw.dump()).items() if path.startswith("machines/")}
    return {path.split("/")[1]: json.loads(v) for path, v in found.items() if path.endswith("/object")}


async def current_state(raw: Etcd2, name: str) -> str:
    """The current state of a unit, as 1.0 works it out (scheduling.md §7.2)."""
    dump = await raw.dump()
    target = dump.get(f"job/{name}/target")
    if target is None or f"states/{name}/{target}" not in dump:
        return "inactive"
    return "launched" if dump.get(f"job/{name}/job-state") == target else "loaded"
