"""From what is wanted and what is there to what is to be done: the table of fleet 1.0 (scheduling, 9.1).

Rule 1: nothing is done about a host that could not be read.
Rule 2: systemd is not asked: a unit that failed, or that somebody stopped by hand, is left so.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from agent.host import Present, Stage
from agent.steps import (
    HALF_UNLOADED,
    HASH_DIFFERS,
    LAUNCHED,
    NOT_LAUNCHED,
    NOT_LOADED,
    NOT_SCHEDULED,
    Step,
    Turn,
)
from units.state import TargetState


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to run here: which content, and how far it is to go (loaded or launched)."""

    hash: str
    state: TargetState
    version: int = field(default=0, compare=False)
    """Grows with each wish: the smaller one is the older."""


def plan(
    wanted: Mapping[str, Wanted],
    present: Mapping[str, Present] | None,
    held: Collection[str] = (),
) -> tuple[Step, ...]:
    """The steps, in order; none about units in `held`, of which it is not known whether they are wanted."""
    if present is None:
        return ()
    names = (wanted.keys() | present.keys()).difference(held)
    steps = [step for name in names for step in _steps(name, wanted.get(name), present.get(name))]
    return tuple(sorted(steps, key=lambda step: (step.turn, step.name)))


def _steps(name: str, wanted: Wanted | None, present: Present | None) -> Iterator[Step]:
    if wanted is None:
        if present is not None:
            yield Step(Turn.UNLOAD, name, NOT_SCHEDULED)
        return
    if present is not None and (why := _why_anew(wanted, present)):
        yield Step(Turn.UNLOAD, name, why)
        present = None
    if present is None or not _is_loaded(present):
        yield Step(Turn.LOAD, name, NOT_LOADED)
        present = Present(wanted.hash, Stage.LOADED)
    yield from _last_step(name, wanted.state, present.stage)


def _why_anew(wanted: Wanted, present: Present) -> str | None:
    """Why what is there has to go first, or None when it can be built upon."""
    if present.hash is not None and present.hash != wanted.hash:
        return HASH_DIFFERS
    return HALF_UNLOADED if present.stage is Stage.LEAVING else None


def _is_loaded(present: Present) -> bool:
    return present.hash is not None and present.stage not in (None, Stage.LOADING, Stage.GONE)


def _last_step(name: str, state: TargetState, stage: Stage | None) -> Iterator[Step]:
    if state is TargetState.LAUNCHED and stage is not Stage.LAUNCHED:
        yield Step(Turn.START, name, NOT_LAUNCHED)
    if state is TargetState.LOADED and stage in (Stage.LAUNCHED, Stage.STOPPING):
        yield Step(Turn.STOP, name, LAUNCHED)
