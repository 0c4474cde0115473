"""Why a unit is where it is, or nowhere: what the rules say now, and what the engine has kept.

Rule 1: the sentences are those of the rules by which the engine judges: they cannot disagree.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator

from fleetd.api import wire
from fleetd.api.call import Answer, Call, json_answer
from fleetd.api.errors import ApiError
from fleetd.api.services import Services, failing_as
from fleetd.api.wire import Entity
from registry.records import Job, Picture, Verdict
from units.file import UnitFile
from units.machine import Machine
from units.placement import GLOBAL_RULES, OPTIONS, RULES
from units.requirements import Requirements
from units.residents import ResidentSet
from units.state import TargetState


async def get_why(services: Services, call: Call) -> Answer:
    """The whole explanation of one unit."""
    with failing_as(f"Failed fetching Unit({call.name}) from Registry"):
        picture = await services.pictures.latest()
        verdict = await services.registry.verdict(call.name)
    if (job := picture.jobs.get(call.name)) is None:
        raise ApiError(404, "unit does not exist")
    # Thousands of machines and units take a moment.
    return json_answer(wire.encode(await asyncio.to_thread(explanation, picture, job, verdict)))


def explanation(picture: Picture, job: Job, verdict: Verdict | None) -> Entity:
    """See docs/API.md."""
    current, machine_id = wire.whereabouts(picture, job)
    file = picture.files.get(job.hash)
    machines = _machines(picture, job, file) if file is not None else []
    found: Entity = {
        "name": job.name,
        "desiredState": str(job.desired),
        "currentState": current,
        "global": job.is_global,
        "machineID": machine_id,
        "waiting": _waiting(job, file, machine_id, verdict, machines),
        "constraints": _constraints(machines),
        "machines": machines,
        "verdict": _verdict(verdict) if verdict is not None else {},
    }
    if found["waiting"] and verdict is not None and verdict.waiting_since is not None:
        found["since"] = verdict.waiting_since
    return wire.filled({**found, "revision": picture.revision})


def _waiting(
    job: Job, file: UnitFile | None, machine_id: str, verdict: Verdict | None, machines: list[Entity]
) -> str:
    """Why it has no place though it wants one; empty when it has one, or wants none."""
    if job.is_global or machine_id or job.desired is TargetState.INACTIVE:
        return ""
    if file is None:
        return f"its unit file {job.hash} is missing"
    if verdict is not None and verdict.winner is None:
        return verdict.reason
    if not machines:
        return "no machine is present"
    able = sum("objection" not in machine for machine in machines)
    return f"no engine has placed it yet; {able} of {len(machines)} machines could run it"


def _machines(picture: Picture, job: Job, file: UnitFile) -> list[Entity]:
    wants = Requirements.of(job.name, file.options)
    residents = _residents(picture)
    return [
        _machine(picture, job, wants, machine, residents.get(id, ResidentSet()))
        for id, machine in sorted(picture.machines.items())
    ]


def _machine(
    picture: Picture, job: Job, wants: Requirements, machine: Machine, residents: ResidentSet
) -> Entity:
    shown: Entity = {"id": machine.id, "ip": machine.ip}
    for rule in GLOBAL_RULES if job.is_global else RULES:
        if said := rule(job.name, wants, machine, residents):
            shown |= {"option": OPTIONS[rule], "objection": said}
            break
    shown |= {"scheduled": machine.id in picture.schedule.get(job.name, {})}
    shown |= {"offered": machine.id in picture.offers.get(job.name, {})}
    shown = {**wire.filled(shown), "load": len(residents)}
    if (bid := picture.bids.get(job.name, {}).get(machine.id)) is not None:
        shown |= {"refusal": bid.refusal} if bid.refusal else {"price": bid.price}
    return shown


def _residents(picture: Picture) -> dict[str, ResidentSet]:
    """What is scheduled to each machine."""
    found: dict[str, ResidentSet] = {}
    for name, entries in picture.schedule.items():
        for machine, entry in entries.items():
            file = picture.files.get(entry.hash)
            wants = Requirements.of(name, file.options if file is not None else ())
            found.setdefault(machine, ResidentSet()).add(name, wants)
    return found


def _constraints(machines: list[Entity]) -> list[Entity]:
    """How many machines each option rules out, in the order in which they are judged."""
    out = Counter(machine["option"] for machine in machines if "option" in machine)
    return [
        {"option": option, "machines": [m["id"] for m in machines if m.get("option") == option]}
        for option in OPTIONS.values()
        if out[option]
    ]


def _verdict(verdict: Verdict) -> Entity:
    return wire.filled(
        {
            "reason": verdict.reason,
            "machines": verdict.machines,
            "ruledOut": [
                {"constraint": out.constraint, "machines": out.machines, "some": out.some, "said": out.said}
                for out in verdict.ruled_out
            ],
            "answers": list(_answers(verdict)),
            "winner": verdict.winner,
            "at": verdict.at,
            "waitingSince": verdict.waiting_since,
        }
    )


def _answers(verdict: Verdict) -> Iterator[Entity]:
    for answer in verdict.answers:
        said = {"load": answer.load, "price": answer.price, "refusal": answer.refusal}
        yield {"machineID": answer.machine, **{k: v for k, v in said.items() if v is not None}}
