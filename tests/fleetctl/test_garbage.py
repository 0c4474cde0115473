"""Answers that no fleetd gives: each command says so in one sentence, and no Python is seen."""

import json
from typing import Any

import pytest

from tests.fleetctl.canned_api import canned_api
from tests.fleetctl.conftest import Shell

ANSWERS: dict[str, Any] = {
    "numbers": {"units": 3, "states": 3, "machines": 3},
    "words": {"units": "abc", "states": "abc", "machines": "abc"},
    "an object": {"units": {"a": 1}, "states": {"a": 1}, "machines": {"a": 1}},
    "null in a list": {"units": [None], "states": [None], "machines": [None]},
    "lists in a list": {"units": [[]], "states": [[]], "machines": [[]]},
    "other types inside": {
        "units": [{"name": ["x"], "options": "abc"}, {"options": [1, {"name": 2}]}],
        "states": [{"name": 7, "machineID": None}],
        "machines": [{"id": 1, "metadata": [1], "primaryIP": {}}],
    },
    "a list": [],
}
COMMANDS = [
    "list-units",
    "list-unit-files",
    "list-machines",
    "stop a",
    "status a",
    "why a",
    "doctor",
    "backup -",
]


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_is_none_is_one_sentence(alone: Shell, name: str) -> None:
    answer = ANSWERS[name]
    paths = ("units", "state", "machines", "units/a.service", "units/a.service/why", "doctor", "metadata")
    with canned_api({f"GET {path}": (200, answer) for path in paths}) as api:
        for command in COMMANDS:
            ran = alone("--endpoint", api.endpoint, *command.split())
            assert "a bug in fleetctl" not in ran.err, (command, json.dumps(answer))
            assert "Traceback" not in ran.err
            if name != "other types inside" and command.startswith("list"):
                assert "is this endpoint fleet's API?" in ran.err
                assert (ran.out, ran.status) == ("", 1)
