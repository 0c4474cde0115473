"""The API's answer to why a unit is where it is, or nowhere."""

import asyncio

from fleetd.api import wire
from fleetd.api.call import Answer, Call, json_answer
from fleetd.api.errors import ApiError
from fleetd.api.services import Services, failing_as
from registry.explanation import explanation
from registry.states import states_of, with_states


async def get_why(services: Services, call: Call) -> Answer:
    """The whole explanation of one unit."""
    with failing_as(f"Failed fetching Unit({call.name}) from Registry"):
        picture = await services.pictures.latest()
        verdict = await services.registry.verdict(call.name)
    if (job := picture.jobs.get(call.name)) is None:
        raise ApiError(404, "unit does not exist")
    # Thousands of machines and units take a moment.
    told = await asyncio.to_thread(explanation, picture, job, verdict)
    states = states_of(picture, call.name, services.pictures.last_seen)
    return json_answer(wire.encode(with_states(told, states)))
