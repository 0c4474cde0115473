"""What the hosts say of their units (`spec/api-v1.md` §11)."""

from fleetd.api import pages, wire
from fleetd.api.call import Answer, Call, json_answer
from fleetd.api.services import Services, failing_as
from registry.states import full_states, plain_state


async def list_states(services: Services, call: Call) -> Answer:
    """A page of the states that present machines report, by unit, then machine, filtered first."""
    number = pages.asked(call.query.get("nextPageToken", ()), services.page_size)
    with failing_as("Failed fetching page of UnitStates"):
        picture = await services.pictures.latest()
    if call.parameter("view") == "full":
        states = full_states(picture, services.pictures.last_seen)
    else:
        states = [plain_state(report) for report in wire.reports(picture)]
    machine, unit = call.parameter("machineID"), call.parameter("unitName")
    wanted = [one for one in states if machine in ("", one["machineID"]) and unit in ("", one["name"])]
    shown, following = pages.cut(wanted, size=services.page_size, number=number)
    return json_answer(wire.page("states", shown, following))


async def get_state(services: Services, call: Call) -> Answer:
    """One state of the unit: that of the machine it is scheduled to, if that says one.

    `{}` when nobody reports it: the command line of 1.0 crashes on a 404 here, and waits on `{}`.
    """
    with failing_as(f"Failed fetching UnitState({call.name}) from Registry"):
        picture = await services.pictures.latest()
    scheduled = picture.schedule.get(call.name, {})
    reports = [
        report
        for machine, report in sorted(picture.reports.get(call.name, {}).items())
        if machine in picture.machines
    ]
    reports.sort(key=lambda report: report.machine not in scheduled)
    return json_answer(wire.encode(plain_state(reports[0]) if reports else {}))
