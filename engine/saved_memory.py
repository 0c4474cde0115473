"""The memory of the leading engine as JSON, and back."""

from dataclasses import asdict
from typing import Any

from engine.auction import Auction
from engine.memory import Memory, Refusal

Json = dict[str, Any]

PLAIN = ("epoch", "rounds", "silent", "absent_since", "moves", "moves_since")


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
        "silent": dict(sorted(memory.silent.items())),
        "absent_since": dict(sorted(memory.absent_since.items())),
        "suspects": sorted(memory.suspects),
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
        suspects=frozenset(saved.get("suspects", ())),
        **plain,
    )


def _without_name(told: Json) -> Json:
    return {key: list(v) if isinstance(v, tuple) else v for key, v in told.items() if key != "name"}
