"""Every golden case comes out as its file says."""

import json
from pathlib import Path

import pytest

from engine.plan import plan
from engine.saved import as_json, from_json
from tests.engine.golden.cases import HERE, Case, paths


@pytest.mark.parametrize("path", paths(), ids=lambda p: str(p.relative_to(HERE)))
def test_a_golden_case_comes_out_as_written(path: Path) -> None:
    case = Case.read(path)
    assert case.outcome() == case.expected, case.title


def test_every_golden_case_has_a_rule_of_its_own() -> None:
    titles = [Case.read(path).title for path in paths()]
    assert len(set(titles)) == len(titles) >= 100


@pytest.mark.parametrize("path", paths()[::5], ids=lambda p: str(p.relative_to(HERE)))
def test_a_moment_that_was_saved_and_read_again_gives_the_same_plan(path: Path) -> None:
    moment = Case.read(path).moment
    again = from_json(json.loads(json.dumps(as_json(moment))))
    made = plan(moment.cluster, moment.memory, now=moment.now, grace=moment.grace)
    assert plan(again.cluster, again.memory, now=again.now, grace=again.grace) == made
    assert as_json(again) == as_json(moment)
