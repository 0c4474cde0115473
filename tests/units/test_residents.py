"""The index of residents says what looking at every one of them would say."""

from hypothesis import given
from hypothesis import strategies as st

from units.placement import ResidentSet, conflict_between
from units.requirements import EMPTY, Requirements

NAMES = ["a.service", "a@1.service", "a@2.service", "b.service", "b.timer"]
PATTERNS = [*NAMES, "\\a.service", "a*", "a@*.service", "*.timer", "?.service", "[", "*"]

asked = st.lists(st.sampled_from(PATTERNS), max_size=3).map(lambda them: Requirements(conflicts=tuple(them)))
steps = st.lists(st.tuples(st.sampled_from(NAMES), st.none() | asked), max_size=12)


def looked_at_one_by_one(name: str, wants: Requirements, there: dict[str, Requirements]) -> str | None:
    """The first by name of those that conflict."""
    return min((n for n, w in there.items() if conflict_between(name, wants, n, w)), default=None)


@given(steps, st.sampled_from(NAMES), asked)
def test_any_history_of_coming_and_going(
    history: list[tuple[str, Requirements | None]], name: str, wants: Requirements
) -> None:
    there: dict[str, Requirements] = {}
    residents = ResidentSet()
    for who, comes in history:
        if comes is None:
            there.pop(who, None)
            residents.remove(who)
        else:
            there[who] = comes
            residents.add(who, comes)
    assert residents.conflicting(name, wants) == looked_at_one_by_one(name, wants, there)
    assert sorted(residents) == sorted(there)
    assert len(residents) == len(there)


def test_a_unit_that_is_put_there_again_has_only_its_new_patterns() -> None:
    residents = ResidentSet({"a.service": Requirements(conflicts=("b.service", "c*"))})
    residents.add("a.service", EMPTY)
    assert residents.conflicting("b.service", EMPTY) is None
    assert residents.conflicting("c.service", EMPTY) is None
    assert "a.service" in residents


def test_taking_away_what_is_not_there_does_nothing() -> None:
    residents = ResidentSet()
    residents.remove("a.service")
    assert "a.service" not in residents
