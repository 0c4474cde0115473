"""The memory of the leading engine as JSON, and back."""

import json
from dataclasses import asdict, replace
from typing import Any

from engine.auction import Auction
from engine.memory import Memory, Refusal, Said, Setback
from registry import codec

Json = dict[str, Any]

PLAIN = ("epoch", "rounds", "silent", "absent_since", "steady_since", "moves", "moves_since")


def memory_as_json(memory: Memory) -> Json:
    """A memory as plain JSON values, without what is as in an empty one."""
    empty = Memory()
    told = {
        "epoch": memory.epoch,
        "rounds": memory.rounds,
        "auctions": {n: _without_name(asdict(a)) for n, a in sorted(memory.auctions.items())},
        "refusals": {
            n: {m: asdict(r) for m, r in sorted(by.items())} for n, by in sorted(memory.refusals.items())
        },
        "setbacks": {n: _setback_as_json(s) for n, s in sorted(memory.setbacks.items())},
        "silent": dict(sorted(memory.silent.items())),
        "absent_since": dict(sorted(memory.absent_since.items())),
        "steady_since": memory.steady_since,
        "suspects": sorted(memory.suspects),
        "said": {n: _said_as_json(said) for n, said in sorted(memory.said.items())},
        "moves": memory.moves,
        "moves_since": memory.moves_since,
    }
    return {key: value for key, value in told.items() if value and value != getattr(empty, key)}


def memory_from_json(saved: Json) -> Memory:
    """The memory that was saved; what is not there is as in an empty one."""
    auctions = saved.get("auctions", {}).items()
    refusals = saved.get("refusals", {}).items()
    plain = {key: saved[key] for key in PLAIN if key in saved}
    return Memory(
        auctions={n: Auction(n, **{**a, "asked": tuple(a["asked"])}) for n, a in auctions},
        refusals={n: {m: Refusal(**r) for m, r in by.items()} for n, by in refusals},
        setbacks={n: _setback(value) for n, value in saved.get("setbacks", {}).items()},
        said={n: _said(n, value) for n, value in saved.get("said", {}).items()},
        suspects=frozenset(saved.get("suspects", ())),
        **plain,
    )


def _setback_as_json(setback: Setback) -> Json:
    return {**asdict(replace(setback, off={})), "off": {m: asdict(r) for m, r in sorted(setback.off.items())}}


def _setback(value: Json) -> Setback:
    return Setback(**{**value, "off": {m: Refusal(**r) for m, r in value.get("off", {}).items()}})


def _without_name(told: Json) -> Json:
    return {key: list(v) if isinstance(v, tuple) else v for key, v in told.items() if key != "name"}


def _said_as_json(said: Said) -> Json:
    return {"since": said.since, "at": said.at, "verdict": json.loads(codec.encode_verdict(said.verdict))}


def _said(name: str, value: Json) -> Said:
    verdict = codec.read_verdict(name, json.dumps(value["verdict"]).encode())
    return Said(verdict, value["since"], value["at"])
