"""The units of the cluster: list, get, put, delete (`spec/api-v1.md` §8 and §9).

Rule 1: `decide` is the whole judgement about a PUT; the rest carries it out.
Rule 2: a write that somebody else got ahead of is judged again on what is there now.
"""

import logging
from contextlib import suppress
from dataclasses import dataclass, replace

from fleetd.api import decode, pages, wire
from fleetd.api.call import JSON, Answer, Call, json_answer
from fleetd.api.decode import Undecodable, UnitBody
from fleetd.api.errors import ApiError
from fleetd.api.services import Services, failing_as
from registry.errors import Conflict
from registry.explanation import whereabouts
from registry.port import Registry
from registry.records import Job, Picture
from units.file import InvalidUnitFile, Option, UnitFile, content_hash, serialize
from units.name import InvalidName, check_name, parse_name
from units.quoting import quoted
from units.requirements import InvalidRequirements, Requirements, check_requirements
from units.state import TargetState

log = logging.getLogger(__name__)

ATTEMPTS = 10
"""How often a write is judged anew when others keep changing the same unit."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a PUT comes to: the job as it shall be, and its content if that is new."""

    job: Job
    file: UnitFile | None
    status: int


def decide(name: str, body: UnitBody, existing: Job | None) -> Change:
    """Create, replace, or change the state. Raises ApiError."""
    if not body.options:
        if existing is None:
            raise ApiError(409, "unit does not exist and options field empty")
        return _change_of_state(existing, body.desired)
    # What is stored already is not judged again: 1.0 may have let pass what we do not.
    if existing is not None and existing.hash == content_hash(serialize(body.options)):
        return _change_of_state(existing, body.desired)
    file = unit_file(body.options)
    desired = _desired(body.desired or TargetState.INACTIVE)
    is_global = Requirements.of(name, file.options).is_global
    return Change(Job(name, file.hash, desired, is_global), file, 201)


def _change_of_state(existing: Job, desired: str) -> Change:
    if not desired:
        raise ApiError(409, "must provide DesiredState to update existing unit")
    parts = parse_name(existing.name)
    if parts is not None and parts.is_template and desired != TargetState.INACTIVE:
        raise ApiError(400, f"cannot activate template {quoted(existing.name)}")
    return Change(replace(existing, desired=_desired(desired)), None, 204)


def _desired(word: str) -> TargetState:
    try:
        return TargetState.parse(word)
    except ValueError as error:
        raise ApiError(400, str(error)) from None


def unit_file(options: tuple[Option, ...]) -> UnitFile:
    """The file that these options make. Raises ApiError."""
    try:
        file = UnitFile.from_options(options)
        check_requirements(file.options)
    except (InvalidUnitFile, InvalidRequirements) as error:
        raise ApiError(400, str(error)) from None
    return file


async def put_unit(services: Services, call: Call) -> Answer:
    """Create or replace the unit, or change its desired state."""
    body = await _unit_body(call)
    name = call.name
    registry = services.registry
    for _ in range(ATTEMPTS):
        with failing_as(f"Failed fetching Unit({name}) from Registry"):
            existing = await registry.job(name)
        if existing is None and not body.options:
            await _refuse_unreadable(services, name)
        change = decide(name, body, existing)
        if change.job == existing:
            return Answer(change.status)
        if existing is None:
            await _check_limit(services, name)
        with failing_as(_failure(change)):
            try:
                await registry.save(change.job, change.file, seen=existing)
            except Conflict:
                if existing is None:
                    await _make_way(registry, name)
                continue
        if change.job.desired is TargetState.LAUNCHED:
            services.launching(name)
        log.info("unit %s: %s, wanted %s", name, "stored" if change.file else "kept", change.job.desired)
        return Answer(change.status)
    raise _outpaced(name)


async def _make_way(registry: Registry, name: str) -> None:
    """Remove a record of this name that cannot be read, if it is that what is in the way of a new one."""
    with suppress(Conflict):
        if await registry.clear(name):
            log.warning("unit %s: what was stored of it could not be read and is replaced", name)


async def _refuse_unreadable(services: Services, name: str) -> None:
    """Raise a 500 if a job of this name is stored that cannot be read: it cannot be judged then."""
    with failing_as(f"Failed fetching Unit({name}) from Registry"):
        picture = await services.pictures.latest()
    _refuse_broken(picture, name)


def _refuse_broken(picture: Picture, name: str) -> None:
    for key, fault in picture.broken.items():
        if key.endswith((f"/job/{name}", f"/global/{name}")):
            log.error("Failed fetching Unit(%s) from Registry: %s %s", name, key, fault)
            raise ApiError(500)


async def _check_limit(services: Services, name: str) -> None:
    """Refuse one unit more than the cluster may have. Raises ApiError."""
    if not (limit := services.units_limit):
        return
    with failing_as(f"Failed fetching Unit({name}) from Registry"):
        there = len((await services.pictures.latest()).jobs)
    if there >= limit:
        raise ApiError(409, f"the cluster has {there} units, its limit (units_limit) is {limit}")


async def delete_unit(services: Services, call: Call) -> Answer:
    """Remove the job; the agents stop the unit afterwards."""
    for _ in range(ATTEMPTS):
        with failing_as(f"Failed fetching Unit({call.name}) from Registry"):
            existing = await services.registry.job(call.name)
        with failing_as(f"Failed destroying Unit({call.name})"):
            try:
                if existing is not None:
                    await services.registry.destroy(existing)
                elif not await services.registry.clear(call.name):
                    raise ApiError(404, "unit does not exist")
            except Conflict:
                continue
        log.info("unit %s: destroyed", call.name)
        return Answer(204)
    raise _outpaced(call.name)


async def get_unit(services: Services, call: Call) -> Answer:
    """One unit with its options and where its scheduling stands."""
    with failing_as(f"Failed fetching Unit({call.name}) from Registry"):
        picture = await services.pictures.latest()
    if (job := picture.jobs.get(call.name)) is None:
        _refuse_broken(picture, call.name)
        raise ApiError(404, "unit does not exist")
    if (file := picture.files.get(job.hash)) is None:
        log.error("Failed fetching Unit(%s) from Registry: no unit file with hash %s", job.name, job.hash)
        raise ApiError(500)
    current, machine = whereabouts(picture, job)
    # A global unit is nowhere in particular: 1.0 leaves its state out here, but not in the list.
    shown = "" if job.is_global else current
    return json_answer(wire.encode(wire.unit(job, file, current=shown, machine=machine)))


async def list_units(services: Services, call: Call) -> Answer:
    """A page of all units whose content can be read, by name."""
    number = pages.asked(call.query.get("nextPageToken", ()), services.page_size)
    with failing_as("Failed fetching page of Units"):
        picture = await services.pictures.latest()
    readable = [job for _, job in sorted(picture.jobs.items()) if job.hash in picture.files]
    if len(readable) < len(picture.jobs):
        missing = sorted(name for name, job in picture.jobs.items() if job.hash not in picture.files)
        log.error("left out of the list of units, their unit files are missing: %s", ", ".join(missing))
    jobs, following = pages.cut(readable, size=services.page_size, number=number)
    entities = []
    for job in jobs:
        current, machine = whereabouts(picture, job)
        entities.append(wire.unit(job, picture.files[job.hash], current=current, machine=machine))
    return json_answer(wire.page("units", entities, following))


async def _unit_body(call: Call) -> UnitBody:
    """The body of a PUT, checked as far as it can be without the registry. Raises ApiError."""
    _check_content_type(call.content_types)
    try:
        body = decode.unit_body(await call.read())
    except Undecodable as error:
        raise ApiError(400, f"unable to decode body: {error}") from None
    if body.name and body.name != call.name:
        raise ApiError(
            400,
            f"name in URL {quoted(call.name)} differs from unit name in request body {quoted(body.name)}",
        )
    try:
        check_name(call.name)
    except InvalidName as error:
        raise ApiError(400, str(error)) from None
    return body


def _check_content_type(lines: tuple[str, ...]) -> None:
    if len(lines) != 1:
        raise ApiError(415, f"expected 1 Content-Type, got {len(lines)}")
    if lines[0].partition(";")[0].strip() != JSON:
        raise ApiError(415, f"only acceptable Content-Type is {JSON}")


def _failure(change: Change) -> str:
    if change.file is None:
        return f"Failed setting target state of Unit({change.job.name})"
    return f"Failed creating Unit({change.job.name}) in Registry"


def _outpaced(name: str) -> ApiError:
    log.error("Failed changing Unit(%s): changed by others %d times meanwhile", name, ATTEMPTS)
    return ApiError(500)
