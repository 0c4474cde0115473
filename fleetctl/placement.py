"""Why a unit is where it is, or nowhere: the API's answer as a record, and what it means. Pure.

Rule 1: the form is that of docs/API.md; what is left out there is empty here.
Rule 2: a unit is hopeless when every machine has said no: an objection of the engine, or its own refusal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fleetctl.entities import Json, State, instant, legend


@dataclass(frozen=True, slots=True)
class Host:
    """One machine, and what came of asking it."""

    id: str
    ip: str = ""
    load: int = 0
    """How many units are scheduled there."""
    option: str = ""
    objection: str = ""
    """Why it cannot run the unit, and the option of [X-Fleet] that says so."""
    offered: bool = False
    price: float | None = None
    refusal: str = ""

    @property
    def place(self) -> str:
        """How tables show it."""
        return legend(self.id) + (f"/{self.ip}" if self.ip else "")

    @property
    def is_silent(self) -> bool:
        """Whether it was asked and gave no answer, or none yet."""
        return self.offered and self.price is None and not self.refusal

    @property
    def says_no(self) -> str:
        """Why it does not take the unit; empty where it would, or has not answered yet."""
        return self.objection or self.refusal


@dataclass(frozen=True, slots=True)
class Constraint:
    """What rules out machines (an option, a refusal, silence): how many, and the IDs of some or all."""

    option: str
    count: int
    machines: tuple[str, ...]
    said: str = ""


@dataclass(frozen=True, slots=True)
class Placement:
    """What is known about the place of one unit. `since`: seconds since the epoch, 0 if not known."""

    name: str
    desired: str = ""
    current: str = ""
    machine: str = ""
    waiting: str = ""
    since: float = 0.0
    constraints: tuple[Constraint, ...] = ()
    hosts: tuple[Host, ...] = ()
    winner: str = ""
    reason: str = ""
    """Why it was put where it is, or taken away."""
    states: tuple[State, ...] = ()
    """What systemd says of it, and where its machine is gone, that nothing is known."""

    @classmethod
    def from_json(cls, said: Json) -> Placement:
        """The record of an answer."""
        verdict = _mapping(said.get("verdict"))
        answers = {_text(a, "machineID"): a for a in _mappings(verdict.get("answers"))}
        hosts = tuple(_host(h, answers.get(_text(h, "id"))) for h in _mappings(said.get("machines")))
        return cls(
            name=_text(said, "name"),
            desired=_text(said, "desiredState"),
            current=_text(said, "currentState"),
            machine=_text(said, "machineID"),
            waiting=_text(said, "waiting"),
            since=_number(said, "since") or 0.0,
            constraints=tuple(_constraints(said, verdict)),
            hosts=hosts,
            winner=_text(verdict, "winner"),
            reason=_text(verdict, "reason"),
            states=tuple(State.from_json(state) for state in _mappings(said.get("states"))),
        )

    @property
    def hopeless(self) -> str:
        """Why no machine takes it, in a sentence; empty as long as one may."""
        if not self.waiting or not all(host.says_no for host in self.hosts):
            return ""
        return self.waiting

    @property
    def needs_others(self) -> bool:
        """Whether it waits for other units to be placed first."""
        return any(host.option == "MachineOf" for host in self.hosts)


def _constraints(said: Json, verdict: Json) -> Iterator[Constraint]:
    """What the rules say now, then what the hosts said when they were last asked."""
    for one in _mappings(said.get("constraints")):
        ids = tuple(str(id) for id in one.get("machines") or ())
        yield Constraint(_text(one, "option"), len(ids), ids)
    for one in _mappings(verdict.get("ruledOut")) if said.get("waiting") else ():
        if _text(one, "constraint") in _BY_HOSTS:
            some = tuple(str(id) for id in one.get("some") or ())
            count = int(_number(one, "machines") or len(some))
            yield Constraint(_text(one, "constraint"), count, some, _text(one, "said"))


_BY_HOSTS = ("refusal", "silence")


def _host(said: Json, answer: Json | None) -> Host:
    """A machine, with what it answered now, or else when it was last asked."""
    if answer is not None and not said.get("offered"):
        said = {**said, **answer, "offered": True}
    return Host(
        id=_text(said, "id"),
        ip=_text(said, "ip"),
        load=int(_number(said, "load") or 0),
        option=_text(said, "option"),
        objection=_text(said, "objection"),
        offered=said.get("offered") is True,
        price=_number(said, "price"),
        refusal=_text(said, "refusal"),
    )


def summary(placement: Placement, now: float) -> list[str]:
    """Where the unit is or why it waits, then one line for each constraint."""
    lines = [f"{placement.name}: {_stands(placement, now)}"]
    if placement.reason and placement.reason != placement.waiting:
        lines.append(f"Last decision: {placement.reason}")
    of = len(placement.hosts)
    places = {host.id: host.place for host in placement.hosts}
    lines += [
        _state_line(state, places.get(state.machine, legend(state.machine))) for state in placement.states
    ]
    for constraint in placement.constraints:
        out = ", ".join(places.get(id, legend(id)) for id in constraint.machines)
        more = ", ..." if len(constraint.machines) < constraint.count else ""
        said = f": {constraint.said}" if constraint.said else ""
        lines.append(
            f"{constraint.option}: rules out {constraint.count} of {of} machines ({out}{more}){said}"
        )
    return lines


def _state_line(state: State, where: str) -> str:
    """What systemd says of it on one machine, since when, and what the host says beside."""
    since = f" since {instant(state.since)}" if state.since else ""
    words = f"{state.active} ({state.sub}){since}" if state.is_known else state.active
    return f"State on {where}: {words}" + (f": {state.trouble}" if state.trouble else "")


def _stands(placement: Placement, now: float) -> str:
    if placement.waiting:
        waits = f"has waited for {age(now - placement.since)}" if placement.since else "waits"
        return f"to be {placement.desired}, {waits}: {placement.waiting}"
    if not placement.machine:
        return f"{placement.desired or 'inactive'}, so it needs no place"
    host = next((host for host in placement.hosts if host.id == placement.machine), None)
    where = host.place if host else legend(placement.machine)
    return f"{placement.current or placement.desired} on {where}"


def host_rows(placement: Placement) -> list[list[str]]:
    """The table of the machines: who was asked, and what each said."""
    return [["MACHINE", "UNITS", "ANSWER"]] + [
        [host.place, str(host.load), _answer(host, placement)] for host in placement.hosts
    ]


def _answer(host: Host, placement: Placement) -> str:
    won = " (won)" if host.id == placement.winner else ""
    if host.refusal:
        return f"refused: {host.refusal}"
    if host.price is not None:
        return f"bid {host.price:g}{won}"
    if host.objection:
        return f"{host.option}: {host.objection}" if host.option else host.objection
    if host.id == placement.machine:
        return f"has it{won}"
    return "silent" if host.is_silent else "could run it, was not asked"


def age(seconds: float) -> str:
    """A time that has passed, in the two largest units that matter."""
    whole = max(0, int(seconds))
    parts = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")]
    told = [f"{count} {unit}" for count, unit in parts if count]
    return " ".join(told[:2]) or "0 s"


def _text(said: Json, key: str) -> str:
    value = said.get(key)
    return value if isinstance(value, str) else ""


def _number(said: Json, key: str) -> float | None:
    value = said.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _mapping(value: Any) -> Json:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: Any) -> Iterable[Json]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, Sequence) else []
