"""The machines that are present, and their dynamic metadata (`spec/api-v1.md` §12)."""

import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from fleetd.api import decode, pages, wire
from fleetd.api.call import JSON, Answer, Call, json_answer
from fleetd.api.decode import MetadataOperation, Undecodable
from fleetd.api.errors import ApiError
from fleetd.api.services import Services, failing_as
from registry.errors import RegistryError

log = logging.getLogger(__name__)

_PATH = re.compile(r"/([^/]+)/metadata/([A-Za-z0-9_.-]+)")


@dataclass(frozen=True, slots=True)
class Assignment:
    """One key of one machine gets a value; an empty one hides the key."""

    machine: str
    key: str
    value: str


def assignment(operation: MetadataOperation) -> Assignment:
    """What an operation sets. Raises ApiError with the first rule that it breaks."""
    if operation.op not in ("add", "remove", "replace"):
        raise ApiError(400, "invalid op: expect add, remove, or replace")
    if not (found := _PATH.fullmatch(operation.path)):
        raise ApiError(400, "machine metadata path invalid")
    if operation.op == "remove":
        return Assignment(found[1], found[2], "")
    if not operation.value:
        raise ApiError(400, "invalid value: add and replace require a value")
    return Assignment(found[1], found[2], operation.value)


async def list_machines(services: Services, call: Call) -> Answer:
    """A page of the machines that are present, by ID."""
    number = pages.asked(call.query.get("nextPageToken", ()), services.page_size)
    with failing_as("Failed fetching page of Machines"):
        picture = await services.pictures.latest()
    present = [machine for machine_id, machine in sorted(picture.machines.items()) if machine_id]
    machines, following = pages.cut(present, size=services.page_size, number=number)
    return json_answer(wire.page("machines", map(wire.machine, machines), following))


async def patch_machines(services: Services, call: Call) -> Answer:
    """Set and hide dynamic metadata: all operations are checked, then carried out in order."""
    try:
        operations = decode.metadata_operations(await call.read())
    except Undecodable as error:
        raise ApiError(400, str(error)) from None
    for machine, values in _by_machine(map(assignment, operations)):
        try:
            await services.registry.set_metadata(machine, values)
        except RegistryError as error:
            log.error("Failed setting metadata of Machine(%s): %s", machine, error)
            # The only 500 of 1.0 that says why.
            raise ApiError(500, str(error)) from error
        log.info("machine %s: metadata set: %s", machine, ", ".join(f"{k}={v}" for k, v in values.items()))
    return Answer(204, content_type=JSON)


def _by_machine(assignments: Iterable[Assignment]) -> Iterator[tuple[str, dict[str, str]]]:
    """The assignments in order; those that follow each other for one machine are written together."""
    for machine, run in groupby(list(assignments), key=lambda one: one.machine):
        yield machine, {one.key: one.value for one in run}
