"""Target states as words."""

import pytest

from units.state import TargetState


@pytest.mark.parametrize(
    ("word", "placed"), [("inactive", False), ("loaded", True), ("launched", True)], ids=str
)
def test_a_state_and_whether_it_needs_a_machine(word: str, placed: bool) -> None:
    state = TargetState.parse(word)
    assert str(state) == word
    assert state.is_placed is placed


@pytest.mark.parametrize("word", ["", "Launched", "active", "launched "])
def test_any_other_word_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="JobState") as caught:
        TargetState.parse(word)
    assert str(caught.value) == f'invalid value "{word}" for JobState'
