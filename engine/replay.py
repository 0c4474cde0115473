"""A recorded moment planned again: what was decided then, and why."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from engine.apply import sentence
from engine.decisions import Decision, Explained, Forgotten
from engine.plan import plan
from engine.saved import Json, NotSaved, from_json


def replay(path: Path) -> str:
    """What the planner decides on a recorded file, line by line. Raises OSError, NotSaved."""
    try:
        saved = json.loads(path.read_text())
    except ValueError as error:
        raise NotSaved(f"{path} is no JSON: {error}") from error
    if not isinstance(saved, dict):
        raise NotSaved(f"{path} holds no saved moment")
    return "\n".join(_told(saved)) + "\n"


def decided(decisions: Iterable[Decision]) -> list[str]:
    """The sentences of a plan. Explanations are left out: they only repeat them."""
    return [sentence(d) for d in decisions if not isinstance(d, Explained | Forgotten)]


def _told(saved: Json) -> Iterator[str]:
    moment = from_json(saved)
    cluster = moment.cluster
    made = plan(cluster, moment.memory, now=moment.now, grace=moment.grace)
    yield (
        f"{len(cluster.machines)} machines, {len(cluster.units)} units, {len(cluster.schedule)} of them"
        f" scheduled, {len(moment.memory.auctions)} auctions open; {saved.get('at', 'at an unknown time')}"
    )
    again = decided(made.decisions)
    yield from again or ["nothing to decide"]
    for name, reason in sorted(made.waiting.items()):
        yield f"Unit({name}) waits for a machine: {reason}"
    if made.doubted:
        yield f"doubted: {', '.join(sorted(made.doubted))}"
    if "decided" in saved and saved["decided"] != again:
        yield "then it was decided otherwise:"
        yield from (str(one) for one in saved["decided"])
