"""The API's answers about the cluster as a whole: what is wrong with it, and the dynamic metadata."""

import time

from fleetd.api import wire
from fleetd.api.call import Answer, Call, json_answer
from fleetd.api.services import Services, failing_as
from registry.checkup import Seen, checkup


async def get_doctor(services: Services, call: Call) -> Answer:
    """All findings, and what has been looked at."""
    with failing_as("Failed checking the cluster"):
        picture = await services.pictures.latest()
    servers = await services.health()
    return json_answer(wire.encode(checkup(Seen(picture, servers, time.time()))))


async def get_metadata(services: Services, call: Call) -> Answer:
    """All metadata that were set through the API, of machines present or not; empty ones hide keys."""
    with failing_as("Failed fetching dynamic metadata"):
        picture = await services.pictures.latest()
    said = [
        {"machineID": machine, "key": key, "value": value}
        for machine, values in sorted(picture.dynamic.items())
        for key, value in sorted(values.items())
    ]
    return json_answer(wire.encode({"metadata": said, "revision": picture.revision}))
