"""The table of what is done to a unit, row by row (fleet 1.0, scheduling 9.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.host import Present, Stage
from agent.plan import Wanted, plan
from agent.steps import Turn
from units.state import TargetState

OLD, NEW = "0" * 40, "1" * 40
LOADED, LAUNCHED = Wanted(NEW, TargetState.LOADED), Wanted(NEW, TargetState.LAUNCHED)

CASES = {
    "not wanted and not here: nothing": (None, None, ""),
    "not wanted and here: unload": (None, Present(NEW, Stage.LAUNCHED), "unload"),
    "not wanted, its file lost, but remembered: unload": (None, Present(None, Stage.LAUNCHED), "unload"),
    "wanted loaded and not here: load": (LOADED, None, "load"),
    "wanted launched and not here: load, start": (LAUNCHED, None, "load start"),
    "wanted launched, its file lost: load, start": (
        LAUNCHED,
        Present(None, Stage.LAUNCHED),
        "load start",
    ),
    "wanted loaded with another content: unload, load": (LOADED, Present(OLD, Stage.LOADED), "unload load"),
    "wanted launched with another content: unload, load, start": (
        LAUNCHED,
        Present(OLD, Stage.LAUNCHED),
        "unload load start",
    ),
    "wanted loaded and loaded: nothing": (LOADED, Present(NEW, Stage.LOADED), ""),
    "wanted launched and launched: nothing": (LAUNCHED, Present(NEW, Stage.LAUNCHED), ""),
    "wanted loaded and launched: stop": (LOADED, Present(NEW, Stage.LAUNCHED), "stop"),
    "wanted launched and loaded: start": (LAUNCHED, Present(NEW, Stage.LOADED), "start"),
    "wanted loaded, here, nothing remembered: load, which does not stop it": (LOADED, Present(NEW), "load"),
    "wanted launched, here, nothing remembered: load, start": (LAUNCHED, Present(NEW), "load start"),
    "loading was cut off: load again": (LOADED, Present(NEW, Stage.LOADING), "load"),
    "stopping was cut off, still wanted loaded: stop again": (LOADED, Present(NEW, Stage.STOPPING), "stop"),
    "stopping was cut off, wanted launched now: start": (LAUNCHED, Present(NEW, Stage.STOPPING), "start"),
    "unloading was cut off, wanted again: unload to the end, load, start": (
        LAUNCHED,
        Present(NEW, Stage.LEAVING),
        "unload load start",
    ),
    "unloading was cut off after its file went, wanted again: the same": (
        LAUNCHED,
        Present(None, Stage.LEAVING),
        "unload load start",
    ),
}


@pytest.mark.parametrize(("wanted", "present", "verbs"), CASES.values(), ids=CASES.keys())
def test_table(wanted: Wanted | None, present: Present | None, verbs: str) -> None:
    steps = plan(
        {"a.service": wanted} if wanted else {},
        {"a.service": present} if present else {},
    )
    assert " ".join(step.verb for step in steps) == verbs


def test_nothing_is_done_about_a_host_that_could_not_be_read() -> None:
    assert plan({"a.service": LAUNCHED}, None) == ()


def test_nothing_is_done_about_units_of_which_it_is_not_known_whether_they_are_wanted() -> None:
    present = {"a.service": Present(OLD, Stage.LAUNCHED), "b.service": Present(OLD, Stage.LAUNCHED)}
    assert [step.name for step in plan({}, present, held={"a.service"})] == ["b.service"]


def test_everything_leaves_before_anything_arrives_and_names_are_in_order() -> None:
    wanted = {"b.service": LAUNCHED, "a.service": LAUNCHED, "s.service": LOADED}
    present = {"z.service": Present(NEW, Stage.LOADED), "s.service": Present(NEW, Stage.LAUNCHED)}
    said = [f"{step.verb} {step.name}" for step in plan(wanted, present)]
    assert said == [
        "unload z.service",
        "load a.service",
        "load b.service",
        "stop s.service",
        "start a.service",
        "start b.service",
    ]


def test_each_step_says_why() -> None:
    present = {"a.service": Present(OLD, Stage.LAUNCHED), "b.service": Present(OLD, Stage.LAUNCHED)}
    reasons = {(s.verb, s.name): s.reason for s in plan({"a.service": LAUNCHED}, present)}
    assert reasons == {
        ("unload", "a.service"): "unit loaded but hash differs to expected",
        ("load", "a.service"): "unit scheduled here but not loaded",
        ("start", "a.service"): "unit currently loaded but desired state is launched",
        ("unload", "b.service"): "unit loaded but not scheduled here",
    }


wants = st.sampled_from([None, LOADED, LAUNCHED])
theres = st.one_of(
    st.none(),
    st.builds(Present, st.sampled_from([None, OLD, NEW]), st.sampled_from([None, *Stage])).filter(
        lambda p: p.hash is not None or p.stage is not None
    ),
)


def carried_out(steps: tuple[str, ...], hash: str, there: Present | None) -> Present | None:
    for verb in steps:
        match verb:
            case "unload":
                there = None
            case "load":
                there = Present(hash, Stage.LOADED)
            case "stop":
                there = Present(hash, Stage.LOADED)
            case _:
                assert there is not None, "what is not loaded is never started"
                there = Present(hash, Stage.LAUNCHED)
    return there


@given(want=wants, there=theres, cut=st.integers(0, 3))
def test_whatever_is_there_and_wherever_it_is_cut_off_it_comes_to_rest(
    want: Wanted | None, there: Present | None, cut: int
) -> None:
    wanted = {"a.service": want} if want else {}
    for some in (cut, 3):
        steps = plan(wanted, {"a.service": there} if there else {})
        there = carried_out(tuple(step.verb for step in steps[:some]), NEW, there)
    assert plan(wanted, {"a.service": there} if there else {}) == ()
    stage = {None: None, LOADED: Stage.LOADED, LAUNCHED: Stage.LAUNCHED}[want]
    assert (there.stage if there else None) == stage


def test_turns_are_in_the_order_of_the_original() -> None:
    assert [turn.name for turn in Turn] == ["UNLOAD", "LOAD", "STOP", "START"]
