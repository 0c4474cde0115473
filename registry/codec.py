"""The values of the shared state: from records to bytes, and back.

Rule 1: one record has one form: compact JSON, the fields in the order of their names.
Rule 2: what is read may hold fields that a newer fleet has added.
Rule 3: what cannot be read raises `Corrupt` with a sentence, and nothing else.

A unit file is stored as its canonical text, dynamic metadata as their plain value. An offer begins
with its id (fields `id`, `unit`), so that a store which compares bytes can tell whether it still
stands: see `offer_bounds`.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

from registry.keys import Key
from registry.records import Answer, Bid, Job, Leader, Offer, Report, RuledOut, ScheduleEntry, Verdict
from units.file import InvalidUnitFile, UnitFile
from units.machine import Machine
from units.name import InvalidName, check_name
from units.state import TargetState


class Corrupt(ValueError):
    """A key holds what no fleet wrote; the message says what is wrong with it."""


def encode_file(file: UnitFile) -> bytes:
    """The text itself; bytes that Python escaped become the bytes they were."""
    return file.text.encode("utf-8", "surrogateescape")


def encode_job(job: Job | ScheduleEntry) -> bytes:
    """The wish of an owner, or what a machine has been told: the same form."""
    return _json({"desired": job.desired.value, "hash": job.hash})


def encode_offer(offer: Offer) -> bytes:
    """An offer; its id comes first."""
    return _json({"id": offer.id, "unit": offer.hash})


def offer_bounds(id: str) -> tuple[bytes, bytes]:
    """Between which two values, both excluded, every offer with this id lies, and no other."""
    head = _json({"id": id})[:-1] + b","
    return head, head + b"\xff"


def encode_bid(bid: Bid) -> bytes:
    """A price, or a refusal."""
    answer = {"price": bid.price} if bid.refusal is None else {"refusal": bid.refusal}
    return _json({"offer": bid.offer, **answer})


def encode_machine(machine: Machine) -> bytes:
    """What a machine says of itself."""
    return _json(
        {
            "capabilities": sorted(machine.capabilities),
            "id": machine.id,
            "ip": machine.ip,
            "metadata": dict(machine.metadata),
            "version": machine.version,
        }
    )


def encode_report(report: Report) -> bytes:
    """What a machine says of a unit; trouble is written only where there is some."""
    trouble = {"failures": report.failures, "reason": report.reason}
    return _json(
        {
            "active": report.active,
            "hash": report.hash,
            "launched": report.launched,
            "load": report.load,
            "since": report.since,
            "sub": report.sub,
            **{name: value for name, value in trouble.items() if value},
        }
    )


def encode_leader(leader: Leader) -> bytes:
    """Who leads."""
    return _json({"machine": leader.machine, "version": leader.version})


def encode_verdict(verdict: Verdict) -> bytes:
    """The value that stands for a verdict."""
    return _json(asdict(verdict))


def encode_text(text: str) -> bytes:
    """A metadata value. Half a surrogate pair, which JSON can carry and UTF-8 cannot, becomes `?`."""
    return text.encode("utf-8", "replace")


def read_file(hash: str, value: bytes) -> UnitFile:
    """The content with that hash. Raises Corrupt, as all of these do."""
    try:
        file = UnitFile.from_stored(value.decode("utf-8", "surrogateescape"))
    except InvalidUnitFile as error:
        raise Corrupt(f"is no unit file: {error}") from error
    if file.hash != hash:
        raise Corrupt(f"holds a unit file with another hash: {file.hash}")
    return file


def read_job(key: Key, value: bytes, *, is_global: bool, version: int) -> Job:
    """The job at a key; `version` is the revision of its last change."""
    fields = _Fields(value)
    return Job(_unit(key), fields.text("hash"), fields.state("desired"), is_global, version)


def read_entry(key: Key, value: bytes, *, version: int = 0) -> ScheduleEntry:
    """The entry of a machine's schedule at a key; `version` is the revision of its last change."""
    fields = _Fields(value)
    return ScheduleEntry(key.machine, _unit(key), fields.text("hash"), fields.state("desired"), version)


def read_offer(key: Key, value: bytes) -> Offer:
    """The offer at a key."""
    fields = _Fields(value)
    return Offer(key.machine, _unit(key), fields.text("id"), fields.text("unit"))


def read_bid(key: Key, value: bytes) -> Bid:
    """The bid at a key."""
    fields = _Fields(value)
    refusal = fields.text("refusal") if "refusal" in fields else None
    price = fields.number("price") if refusal is None else 0.0
    return Bid(key.machine, _unit(key), fields.text("offer"), price, refusal)


def read_machine(key: Key, value: bytes) -> Machine:
    """The machine at a key, with its configured metadata."""
    fields = _Fields(value)
    if (id := fields.text("id")) != key.machine:
        raise Corrupt(f"holds the machine {id!r}")
    return Machine(id, fields.text("ip"), fields.texts("metadata"), fields.text("version"), fields.words())


def read_report(key: Key, value: bytes) -> Report:
    """The report at a key."""
    fields = _Fields(value)
    words = {word: fields.text(word) for word in ("hash", "load", "active", "sub")}
    return Report(
        key.machine,
        _unit(key),
        **words,
        launched=fields.flag("launched"),
        since=fields.number("since"),
        reason=fields.text("reason") if "reason" in fields else "",
        failures=fields.whole("failures") if "failures" in fields else 0,
    )


def read_leader(value: bytes) -> Leader:
    """Who leads."""
    fields = _Fields(value)
    return Leader(fields.text("machine"), fields.whole("version"))


def read_verdict(name: str, value: bytes) -> Verdict:
    """The verdict that a value says about a unit. Raises Corrupt."""
    fields = _Fields(value)
    since = fields.number("waiting_since") if fields.has("waiting_since") else None
    return Verdict(
        name=name,
        reason=fields.text("reason"),
        machines=fields.whole("machines"),
        ruled_out=tuple(_ruled_out(part) for part in fields.parts("ruled_out")),
        answers=tuple(_answer(part) for part in fields.parts("answers")),
        winner=fields.text("winner") if fields.has("winner") else None,
        at=fields.number("at"),
        waiting_since=since,
    )


def _ruled_out(fields: _Fields) -> RuledOut:
    return RuledOut(
        fields.text("constraint"), fields.whole("machines"), fields.names("some"), fields.text("said")
    )


def _answer(fields: _Fields) -> Answer:
    return Answer(
        machine=fields.text("machine"),
        load=fields.whole("load") if fields.has("load") else None,
        price=fields.number("price") if fields.has("price") else None,
        refusal=fields.text("refusal") if fields.has("refusal") else None,
    )


def read_text(value: bytes) -> str:
    """A metadata value."""
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise Corrupt("is not UTF-8") from error


def _json(fields: dict[str, object]) -> bytes:
    return json.dumps(fields, separators=(",", ":"), sort_keys=True).encode()


def _unit(key: Key) -> str:
    """The unit name in a key, which becomes the name of a file on a host: so it is checked."""
    try:
        check_name(key.name)
    except InvalidName as error:
        raise Corrupt(str(error)) from error
    return key.name


class _Fields:
    """A JSON object whose fields are what they are asked to be, or else Corrupt."""

    def __init__(self, value: bytes | dict[str, Any]) -> None:
        try:
            fields = json.loads(value) if isinstance(value, bytes) else value
        except (ValueError, RecursionError) as error:
            raise Corrupt(f"is no JSON: {error}") from error
        if not isinstance(fields, dict):
            raise Corrupt("is no JSON object")
        self._fields: dict[str, Any] = fields

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def _field(self, name: str, wanted: type | tuple[type, ...], what: str) -> Any:
        """A field of a wanted type. A truth value is no number, though Python takes it for one."""
        value = self._fields.get(name)
        if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
            raise Corrupt(f"the field {name!r} is missing or no {what}")
        return value

    def text(self, name: str) -> str:
        return str(self._field(name, str, "text"))

    def flag(self, name: str) -> bool:
        return bool(self._field(name, bool, "truth value"))

    def whole(self, name: str) -> int:
        return int(self._field(name, int, "whole number"))

    def number(self, name: str) -> float:
        try:
            number = float(self._field(name, (int, float), "number"))
        except OverflowError as error:
            raise Corrupt(f"the field {name!r} is too large") from error
        if not math.isfinite(number):
            raise Corrupt(f"the field {name!r} is no finite number")
        return number

    def state(self, name: str) -> TargetState:
        try:
            return TargetState.parse(self.text(name))
        except ValueError as error:
            raise Corrupt(str(error)) from error

    def texts(self, name: str) -> dict[str, str]:
        fields: dict[object, object] = self._field(name, dict, "object")
        if not all(isinstance(value, str) for value in fields.values()):
            raise Corrupt(f"the field {name!r} holds what is no text")
        return {str(key): str(value) for key, value in fields.items()}

    def words(self) -> frozenset[str]:
        return frozenset(self.names("capabilities"))

    def names(self, name: str) -> tuple[str, ...]:
        values: list[object] = self._field(name, list, "list")
        if not all(isinstance(value, str) for value in values):
            raise Corrupt(f"the field {name!r} holds what is no text")
        return tuple(str(value) for value in values)

    def parts(self, name: str) -> list[_Fields]:
        """The objects of a list."""
        return [_Fields(value) for value in self._field(name, list, "list")]

    def has(self, name: str) -> bool:
        """Whether a field that may be missing or null is there."""
        return self._fields.get(name) is not None
