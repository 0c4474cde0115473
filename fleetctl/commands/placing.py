"""Where units are and would be: why, plan."""

from __future__ import annotations

import time
from collections.abc import Sequence

from fleetctl.command import OUTPUT_DATA, command, units_given, words
from fleetctl.entities import Json
from fleetctl.filters import machine_id
from fleetctl.flags import Text, flag
from fleetctl.forecast import Forecast, change_rows, metadata, remarks, sentence, starting
from fleetctl.intent import arrival
from fleetctl.output import USAGE, Stop, doing, say
from fleetctl.placement import Placement, host_rows, summary
from fleetctl.selection import meant, missing
from fleetctl.session import Session
from fleetctl.tables import aligned
from fleetctl.unitfiles import candidates
from fleetctl.wait import UNPLACEABLE


@command(
    "why [-o FORMAT] UNIT...",
    "Tell why units are where they are, or nowhere",
    OUTPUT_DATA,
    words("units"),
    description="""\
Tells where a unit is, or why it waits for a place: one line for each constraint
that rules out machines, then every machine with what it was asked and said. The
exit status is 2 if one of the units cannot be placed.""",
    example="fleetctl why web@1.service",
)
def why(session: Session, units: Sequence[str], output: str) -> int:
    """Print why each unit is where it is."""
    units_given(units)
    with doing("Error asking for the reason"):
        found, unknown = meant(session.api, units)
        answers = [said for unit in found if (said := session.api.why(unit.name)) is not None]
    placements = [Placement.from_json(said) for said in answers]
    if output:
        from fleetctl.formats import rendered

        say(rendered(output, answers))
    elif placements:
        say("\n\n".join("\n".join(_told(placement)) for placement in placements))
    if unknown:
        raise Stop(missing(unknown))
    return UNPLACEABLE if any(placement.waiting for placement in placements) else 0


def _told(placement: Placement) -> list[str]:
    table = aligned(host_rows(placement)) if placement.hosts else ["No machine is present."]
    return [*summary(placement, time.time()), "", *table]


@command(
    "plan [-o FORMAT] start FILE...|stop UNIT...|lose MACHINE...|add KEY=VALUE... [--machine MACHINE]",
    "Tell what would happen, without doing it",
    OUTPUT_DATA,
    flag("--machine", kind=Text(), default="", help="with add: the machine that gets the metadata"),
    words("words"),
    description="""\
Asks the cluster's own planner what would run where if units were started or
stopped, machines were lost, or metadata added: to a machine, or without --machine
by a new machine that has them. Nothing is changed. The exit status is 2 if a unit
would have no place, 0 otherwise, whatever waits for a place as it is.""",
    example="""\
fleetctl plan start web@4.service
fleetctl plan lose 2444
fleetctl plan add disk=ssd --machine 2444""",
)
def plan(session: Session, words: Sequence[str], machine: str, output: str) -> int:
    """Print what would change, and what would have no place."""
    if len(words) < 2 or words[0] not in _QUESTIONS:
        raise Stop(f"What if? fleetctl {plan.usage}", USAGE)
    with doing("Error planning"):
        said = session.api.plan(_QUESTIONS[words[0]](session, words[1:], machine))
    forecast = Forecast.from_json(said)
    if output:
        from fleetctl.formats import rendered

        say(rendered(output, said))
    else:
        for line in aligned(change_rows(forecast, session.machines())):
            say(line)
        for line in remarks(forecast, session.machines()):
            say(line)
        say(sentence(forecast))
    return UNPLACEABLE if forecast.waiting else 0


def _if_started(session: Session, arguments: Sequence[str], machine: str) -> Json:
    found = candidates(session.api, arguments, replace=True)
    arrivals = [arrival(one, "start", replace=one.file is not None, force=True) for one in found]
    return {"start": [starting(plan.name, plan.content) for plan in arrivals]}


def _if_stopped(session: Session, arguments: Sequence[str], machine: str) -> Json:
    units, unknown = meant(session.api, arguments)
    if unknown:
        raise Stop(missing(unknown))
    return {"stop": [unit.name for unit in units]}


def _if_lost(session: Session, arguments: Sequence[str], machine: str) -> Json:
    ids = [one.id for one in session.api.machines()]
    return {"lose": [machine_id(argument, ids) for argument in arguments]}


def _if_added(session: Session, arguments: Sequence[str], machine: str) -> Json:
    pairs = metadata(arguments)
    if not machine:
        return {"add": [{"metadata": pairs}]}
    id = machine_id(machine, [one.id for one in session.api.machines()])
    return {"metadata": [{"machineID": id, "key": key, "value": value} for key, value in pairs.items()]}


_QUESTIONS = {"start": _if_started, "stop": _if_stopped, "lose": _if_lost, "add": _if_added}
