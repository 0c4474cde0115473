"""Why a unit is where it is, or nowhere: what the rules say now, and what the engine has kept. Pure.

Rule 1: the sentences are those of the rules by which the engine judges: they cannot disagree.
Rule 2: the form is that of docs/API.md, for whoever shows it: the API, or a command without a daemon.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from registry.records import Job, Picture, Report, Verdict
from units.file import UnitFile
from units.machine import Machine
from units.placement import GLOBAL_RULES, OPTIONS, RULES
from units.requirements import Requirements
from units.residents import ResidentSet
from units.state import TargetState

Json = dict[str, Any]


def explanation(picture: Picture, job: Job, verdict: Verdict | None) -> Json:
    """See docs/API.md."""
    current, machine_id = whereabouts(picture, job)
    file = picture.files.get(job.hash)
    machines = _machines(picture, job, file) if file is not None else []
    found: Json = {
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
    return filled({**found, "revision": picture.revision})


def _waiting(
    job: Job, file: UnitFile | None, machine_id: str, verdict: Verdict | None, machines: list[Json]
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


def _machines(picture: Picture, job: Job, file: UnitFile) -> list[Json]:
    wants = Requirements.of(job.name, file.options)
    residents = _residents(picture)
    return [
        _machine(picture, job, wants, machine, residents.get(id, ResidentSet()))
        for id, machine in sorted(picture.machines.items())
    ]


def _machine(
    picture: Picture, job: Job, wants: Requirements, machine: Machine, residents: ResidentSet
) -> Json:
    shown: Json = {"id": machine.id, "ip": machine.ip}
    for rule in GLOBAL_RULES if job.is_global else RULES:
        if said := rule(job.name, wants, machine, residents):
            shown |= {"option": OPTIONS[rule], "objection": said}
            break
    shown |= {"scheduled": machine.id in picture.schedule.get(job.name, {})}
    shown |= {"offered": machine.id in picture.offers.get(job.name, {})}
    shown = {**filled(shown), "load": len(residents)}
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


def _constraints(machines: list[Json]) -> list[Json]:
    """How many machines each option rules out, in the order in which they are judged."""
    out = Counter(machine["option"] for machine in machines if "option" in machine)
    return [
        {"option": option, "machines": [m["id"] for m in machines if m.get("option") == option]}
        for option in OPTIONS.values()
        if out[option]
    ]


def _verdict(verdict: Verdict) -> Json:
    return filled(
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


def _answers(verdict: Verdict) -> Iterator[Json]:
    for answer in verdict.answers:
        said = {"load": answer.load, "price": answer.price, "refusal": answer.refusal}
        yield {"machineID": answer.machine, **{k: v for k, v in said.items() if v is not None}}


def whereabouts(picture: Picture, job: Job) -> tuple[str, str]:
    """The current state of a unit and the machine it is scheduled to (empty: none).

    It says where scheduling stands, not what systemd thinks. Global units have neither, and a machine that
    is gone runs nothing, though the unit stays scheduled to it until another one is found.
    """
    entries = () if job.is_global else picture.schedule.get(job.name, {})
    machine_id = min((id for id in entries if id in picture.machines), default="")
    if not machine_id:
        return "inactive", ""
    report = picture.reports.get(job.name, {}).get(machine_id)
    if report is None or _could_not_load(report):
        return "inactive", machine_id
    return ("launched" if report.launched else "loaded"), machine_id


def _could_not_load(report: Report) -> bool:
    """Whether a unit that is only to be loaded is not: of such fleet 1.0 had no state at all (§7.2, §10)."""
    return report.failures > 0 and report.load == "error" and not report.launched


def filled(fields: Mapping[str, Any]) -> Json:
    """Without the fields that are empty."""
    return {key: value for key, value in fields.items() if value}
