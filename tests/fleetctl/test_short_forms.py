"""Short forms of commands: what a script of fleet 1.0 may say means the same."""

import pytest

from fleetctl.cli import resolved
from fleetctl.output import Stop

SHORT = {
    "c": "cat",
    "d": "destroy",
    "f": "fd-forward",
    "j": "journal",
    "list-m": "list-machines",
    "list-unit-": "list-unit-files",
    "lo": "load",
    "rest": "restart",
    "ve": None,
    "ver": None,
    "veri": "verify",
    "w": "why",
    "b": "backup",
    "do": "doctor",
    "s": None,
    "nope": None,
}


@pytest.mark.parametrize(("word", "command"), SHORT.items())
def test_a_short_form_means_what_it_meant_in_1_0_and_new_commands_take_none_away(
    word: str, command: str | None
) -> None:
    if command is None:
        with pytest.raises(Stop):
            resolved(word)
    else:
        assert resolved(word) == command
