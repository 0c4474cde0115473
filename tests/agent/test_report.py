"""What is said of the units here, and what of it is news."""

from agent.host import Remembered, Stage, UnitStatus
from agent.report import news, reports
from registry.records import Report

HASH = "0" * 40
RUNNING = UnitStatus("loaded", "active", "running", since=100.0)


def said(
    stage: Stage, status: UnitStatus | None = RUNNING, before: Report | None = None, *, asked: bool = False
) -> Report | None:
    name = "a.service"
    found = reports(
        "m1",
        [name],
        {name: status} if status else {},
        {name: Remembered(HASH, stage, asked)},
        {name: before} if before else {},
        now=500.0,
    )
    return found.get(name)


def test_systemds_words_are_passed_on_as_they_are() -> None:
    strange = UnitStatus("half-loaded", "maintaining", "humming", since=1.0)
    assert said(Stage.LAUNCHED, strange) == Report(
        "m1", "a.service", HASH, "half-loaded", "maintaining", "humming", launched=True, since=1.0
    )


def test_a_unit_is_launched_once_systemd_has_been_asked_even_if_it_refused() -> None:
    launched = [r.launched for r in (said(Stage.LOADED), said(Stage.LOADED, asked=True)) if r]
    assert launched == [False, True]


def test_a_unit_that_is_being_stopped_is_launched_no_more() -> None:
    report = said(Stage.STOPPING)
    assert report is not None
    assert not report.launched


def test_a_unit_systemd_does_not_know_is_not_found() -> None:
    report = said(Stage.LOADED, None)
    assert report is not None
    assert (report.load, report.active, report.sub) == ("not-found", "inactive", "dead")


def test_nothing_is_said_of_a_unit_before_it_is_loaded_or_when_it_is_gone() -> None:
    assert (said(Stage.LOADING), said(Stage.GONE)) == (None, None)


def test_where_systemd_gives_no_time_it_is_when_the_change_was_seen() -> None:
    undated = UnitStatus("loaded", "active", "running")
    first = said(Stage.LAUNCHED, undated)
    assert first is not None
    assert first.since == 500.0


def test_a_state_that_goes_on_keeps_its_time() -> None:
    before = said(Stage.LAUNCHED, RUNNING)
    after = said(Stage.LAUNCHED, UnitStatus("loaded", "active", "exited"), before)
    assert after is not None
    assert after.since == 100.0


def test_news_is_what_differs_and_who_is_gone() -> None:
    a, b = (Report("m1", f"{n}.service", HASH, "loaded", "active", "running", True, 1.0) for n in "ab")
    assert news(["a.service", "b.service", "c.service"], {a.name: a, b.name: b}, {a.name: a}) == (
        (b,),
        ("c.service",),
    )
