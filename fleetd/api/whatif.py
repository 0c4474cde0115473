"""What would happen if: the real planner on the cluster as it is, changed as a request says."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.cluster import Reader, Unit
from engine.rehearsal import Restless
from engine.whatif import Outcome, what_if
from fleetd.api import decode, wire
from fleetd.api.call import Answer, Call, json_answer
from fleetd.api.decode import Undecodable
from fleetd.api.errors import ApiError
from fleetd.api.services import Services, failing_as
from fleetd.api.units import unit_file
from fleetd.api.wire import Entity
from registry.explanation import filled
from registry.records import Picture
from units.file import UnitFile
from units.machine import Machine
from units.name import InvalidName, check_name, parse_name
from units.quoting import quoted
from units.requirements import Requirements
from units.state import TargetState


@dataclass(frozen=True, slots=True)
class Question:
    """The changes, every name resolved."""

    start: tuple[Unit, ...]
    stop: frozenset[str]
    lose: frozenset[str]
    add: tuple[Machine, ...]


async def post_plan(services: Services, call: Call) -> Answer:
    """What would become of the cluster. Writes nothing."""
    body = _fields(await call.read())
    with failing_as("Failed reading the cluster for a plan"):
        picture = await services.pictures.latest()
    asked = question(body, picture)
    try:
        outcome = await asyncio.to_thread(_outcome, picture, asked)
    except Restless as error:
        raise ApiError(500, f"the planner comes to no rest: {error}") from error
    return json_answer(wire.encode({**shown(outcome), "revision": picture.revision}))


def _outcome(picture: Picture, asked: Question) -> Outcome:
    cluster = Reader().cluster(picture)
    return what_if(cluster, start=asked.start, stop=asked.stop, lose=asked.lose, add=asked.add)


def question(body: Mapping[str, Any], picture: Picture) -> Question:
    """What a body asks. Raises ApiError."""
    starting = _list(body, "start", dict)
    stopping = _list(body, "stop", str)
    for name in stopping:
        if (job := picture.jobs.get(name)) is None or job.hash not in picture.files:
            raise ApiError(404, f"unit {quoted(name)} does not exist")
    added = [_new_machine(one, index) for index, one in enumerate(_list(body, "add", dict))]
    return Question(
        tuple(_unit(one, picture) for one in starting),
        frozenset(stopping),
        frozenset(_machine(picture, one).id for one in _list(body, "lose", str)),
        (*_with_metadata(_list(body, "metadata", dict), picture), *added),
    )


def shown(outcome: Outcome) -> Entity:
    """See docs/API.md."""
    return filled(
        {
            "changes": [
                filled({"name": m.name, "from": m.source, "to": m.target, "reason": m.reason})
                for m in outcome.moves
            ],
            "global": [{"name": n, "machines": list(on)} for n, on in sorted(outcome.everywhere.items())],
            "waiting": _reasons(outcome.waiting),
            "waitingAnyway": _reasons(outcome.waiting_anyway),
        }
    )


def _reasons(waiting: Mapping[str, str]) -> list[Entity]:
    return [{"name": name, "reason": reason} for name, reason in sorted(waiting.items())]


def _fields(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise ApiError(400, f"unable to decode body: {error}") from None
    if not isinstance(found, dict):
        raise ApiError(400, "unable to decode body: expected an object")
    return found


def _list(body: Mapping[str, Any], key: str, kind: type) -> list[Any]:
    found = body.get(key) or []
    if not isinstance(found, list) or not all(isinstance(one, kind) for one in found):
        raise ApiError(400, f"{key}: expected a list of {'objects' if kind is dict else 'strings'}")
    return found


def _unit(asked: Mapping[str, Any], picture: Picture) -> Unit:
    """A unit that is to run, new or known. Raises ApiError."""
    name = asked.get("name")
    try:
        if not isinstance(name, str):
            raise InvalidName("start: a unit has no name")
        check_name(name)
        body = decode.unit_body(json.dumps({"options": asked.get("options")}).encode())
    except (InvalidName, Undecodable) as error:
        raise ApiError(400, str(error)) from None
    if _is_template(name):
        raise ApiError(400, f"cannot activate template {quoted(name)}")
    file = unit_file(body.options) if body.options else _known(name, picture)
    wants = Requirements.of(name, file.options)
    return Unit(name=name, hash=file.hash, desired=TargetState.LAUNCHED, wants=wants)


def _known(name: str, picture: Picture) -> UnitFile:
    """The content of a unit of the cluster, or of the template it would be an instance of."""
    parts = parse_name(name)
    template = parts.template if parts is not None else None
    for known in (name, template):
        job = picture.jobs.get(known) if known else None
        if job is not None and job.hash in picture.files:
            return picture.files[job.hash]
    raise ApiError(404, f"unit {quoted(name)} does not exist")


def _is_template(name: str) -> bool:
    parts = parse_name(name)
    return parts is not None and parts.is_template


def _machine(picture: Picture, start: str) -> Machine:
    """The machine whose ID is this, or begins so and is the only one. Raises ApiError."""
    if (exact := picture.machines.get(start)) is not None:
        return exact
    found = [machine for id, machine in sorted(picture.machines.items()) if start and id.startswith(start)]
    if len(found) != 1:
        problem = "is ambiguous" if found else "does not exist"
        raise ApiError(400 if found else 404, f"machine {quoted(start)} {problem}")
    return found[0]


def _with_metadata(operations: Iterable[Mapping[str, Any]], picture: Picture) -> list[Machine]:
    changed: dict[str, Machine] = {}
    for operation in operations:
        id, key, value = (operation.get(name) or "" for name in ("machineID", "key", "value"))
        if not all(isinstance(word, str) for word in (id, key, value)) or not key:
            raise ApiError(400, "metadata: expected strings machineID, key and value")
        machine = _machine(picture, id)
        metadata = dict(changed.get(machine.id, machine).metadata)
        metadata.pop(key, None)
        changed[machine.id] = replace(machine, metadata=metadata | ({key: value} if value else {}))
    return list(changed.values())


def _new_machine(asked: Mapping[str, Any], index: int) -> Machine:
    metadata = asked.get("metadata") or {}
    id = asked.get("id") or f"new-{index + 1}"
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in (id, *metadata.values())):
        raise ApiError(400, "add: expected an object with a string id and string metadata")
    return Machine(id, "", metadata)
