"""Counting, and the two text forms of it."""

from fleetd.losses import Losses
from fleetd.meters import Counter, Gauge, Histogram, text
from registry.records import Job, Picture, Report
from units.machine import Machine
from units.state import TargetState


def test_a_counter_without_labels_is_there_from_the_start() -> None:
    assert (
        text([Counter("a_total", "About.")]) == "# HELP a_total About.\n# TYPE a_total counter\na_total 0\n"
    )


def test_a_counter_with_labels_appears_once_it_is_used() -> None:
    counter = Counter("a_total", "About.", ("type",))
    assert text([counter]) == "\n"
    counter.add('we"ird\n')
    assert 'a_total{type="we\\"ird\\n"} 1\n' in text([counter])


def test_in_openmetrics_the_family_of_a_counter_has_no_suffix_and_the_text_an_end() -> None:
    counter = Counter("a_total", "About.")
    assert text([counter], openmetrics=True) == ("# HELP a About.\n# TYPE a counter\na_total 0\n# EOF\n")


def test_the_buckets_of_a_histogram_add_up() -> None:
    histogram = Histogram("h_seconds", "About.", ("type",), (0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 7.0):
        histogram.note(seconds, "x")
    assert text([histogram]).splitlines()[2:] == [
        'h_seconds_bucket{type="x",le="0.1"} 2',
        'h_seconds_bucket{type="x",le="1"} 3',
        'h_seconds_bucket{type="x",le="+Inf"} 4',
        'h_seconds_sum{type="x"} 7.65',
        'h_seconds_count{type="x"} 4',
    ]


def test_a_gauge_is_looked_up_when_it_is_shown() -> None:
    shown = [1.0]
    gauge = Gauge("g", "About.", lambda: {(): shown[0]})
    shown[0] = 2.5
    assert "g 2.5" in text([gauge])


def picture(*present: str, on: str = "", name: str = "a.service", is_global: bool = False) -> Picture:
    reports = {name: {on: Report(on, name, "", "loaded", "active", "running", True, 0.0)}} if on else {}
    return Picture(
        1,
        jobs={name: Job(name, "", TargetState.LAUNCHED, is_global)},
        machines={id: Machine(id, "", {}) for id in present},
        reports=reports,
    )


def test_a_unit_of_a_lost_machine_is_away_until_it_is_active_elsewhere() -> None:
    losses = Losses(picture("m1", "m2", on="m1"))
    assert list(losses.look(picture("m2"), 10.0)) == []
    assert list(losses.look(picture("m2", on="m2"), 12.5)) == [2.5]
    assert list(losses.look(picture("m2", on="m2"), 13.0)) == []


def test_a_unit_that_nobody_wants_any_more_is_not_waited_for() -> None:
    losses = Losses(picture("m1", "m2", on="m1"))
    assert list(losses.look(picture("m2"), 10.0)) == []
    assert list(losses.look(Picture(2, machines=picture("m2").machines), 11.0)) == []
    assert list(losses.look(picture("m2", on="m2"), 12.0)) == []


def test_a_global_unit_has_no_elsewhere() -> None:
    losses = Losses(picture("m1", "m2", on="m1", is_global=True))
    assert list(losses.look(picture("m2", on="m2", is_global=True), 10.0)) == []
