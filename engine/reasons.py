"""Why a unit is nowhere, or stays with a host that cannot run it: the verdicts of one plan."""

from math import inf

from engine.cluster import Unit
from engine.draft import Draft
from engine.memory import Refusal
from engine.notes import Notes
from engine.setbacks import Setbacks
from engine.sieve import Sieve, sentence
from registry.records import Answer, Verdict


class Reasons:
    """What the rules and the hosts say, put into verdicts. `now`: seconds of the loop's clock."""

    def __init__(self, draft: Draft, notes: Notes, setbacks: Setbacks, now: float) -> None:
        self._draft = draft
        self._notes = notes
        self._setbacks = setbacks
        self._now = now

    def nowhere(self, unit: Unit, lost: str) -> Verdict:
        """How many machines each constraint rules out, also in one sentence for an operator."""
        sieve = self._sieve(unit)
        sieve.hosts_say(self._notes.silent, self._notes.refusals.get(unit.name, {}), self._now)
        sieve.rules_say()
        said = lost + sentence(len(self._draft.machines), sieve.out)
        return self._verdict(unit, said, sieve, self._notes.answers(unit.name))

    def stays(self, unit: Unit, machine: str, trouble: str) -> Verdict:
        """Why a machine keeps a unit that it cannot run."""
        sieve = self._sieve(unit)
        refused, off = self._notes.refusals.get(unit.name, {}), self._setbacks.off(unit.name)
        refusals = {**refused, **off, machine: Refusal(trouble, inf)}
        sieve.hosts_say(self._notes.silent, refusals, self._now)
        sieve.rules_say()
        said = f"stays on Machine({machine}): {sentence(len(self._draft.machines), sieve.out)}"
        answers = (Answer(machine, refusal=trouble), *self._earlier(unit, (machine,)))
        return self._verdict(unit, said, sieve, answers, machine)

    def placed(
        self, unit: Unit, said: str, machine: str, asked: tuple[str, ...], answered: tuple[Answer, ...]
    ) -> Verdict:
        """Why a machine gets a unit, with what those said who were asked, and others before."""
        return self._verdict(unit, said, self._sieve(unit), answered + self._earlier(unit, asked), machine)

    def plain(self, unit: Unit, said: str) -> Verdict:
        """A unit has to wait for a reason that rules out nobody."""
        return Verdict(unit.name, said, len(self._draft.machines))

    def _earlier(self, unit: Unit, but: tuple[str, ...]) -> tuple[Answer, ...]:
        off = self._setbacks.answers(unit.name, but)
        return off + self._notes.answers(unit.name, but=(*but, *(answer.machine for answer in off)))

    def _sieve(self, unit: Unit) -> Sieve:
        return Sieve(self._draft, unit.name, unit.wants)

    def _verdict(
        self,
        unit: Unit,
        said: str,
        sieve: Sieve,
        answered: tuple[Answer, ...],
        winner: str | None = None,
    ) -> Verdict:
        machines = len(self._draft.machines)
        return Verdict(unit.name, said, machines, tuple(sieve.out), answered, winner)
