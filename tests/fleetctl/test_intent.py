"""From a verb and what exists to what is done: tables."""

import pytest

from fleetctl.entities import Setting, Unit
from fleetctl.errors import BadUnit
from fleetctl.intent import Arrival, Candidate, LocalFile, arrival, check_can_start, departure
from units.file import UnitFile

ONE = "[Service]\nExecStart=/bin/one\n"
TWO = "[Service]\nExecStart=/bin/two\n"


def local(path: str, text: str) -> LocalFile:
    return LocalFile(path, text, UnitFile.from_text(text))


def broken(path: str) -> LocalFile:
    return LocalFile(path, "", BadUnit(f"open {path}: permission denied"))


def unit(name: str, text: str = ONE, desired: str = "inactive", current: str = "inactive") -> Unit:
    settings = tuple(Setting(o.section, o.name, o.value) for o in UnitFile.from_text(text).options)
    return Unit(name, settings, desired, current)


def differs(name: str, kind: str, path: str) -> str:
    return f"WARNING: Unit {name} in registry differs from local {kind} {path}. Add --replace to override."


A, INST, T = "a.service", "t@1.service", "t@.service"
ONE_FILE, TWO_FILE = UnitFile.from_text(ONE), UnitFile.from_text(TWO)
PLANS = {
    "a new unit is made of its file": (
        Candidate(A, A, None, local(A, ONE)), "submit", False, Arrival(A, ONE_FILE)),
    "a new instance is made of the template in the cluster": (
        Candidate(INST, INST, None, None, T, unit(T), None), "start", False, Arrival(INST, ONE_FILE)),
    "a new instance is made of the template on disk": (
        Candidate(INST, INST, None, None, T, None, local(T, ONE)), "start", False, Arrival(INST, ONE_FILE)),
    "the template in the cluster wins over another one on disk": (
        Candidate(INST, INST, None, None, T, unit(T), local(T, TWO)), "start", False,
        Arrival(INST, ONE_FILE, warnings=(differs(T, "template unit file", INST),))),
    "so it does with --replace, silently": (
        Candidate(INST, INST, None, None, T, unit(T), local(T, TWO)), "start", True, Arrival(INST, ONE_FILE)),
    "a unit that exists is left alone": (Candidate(A, A, unit(A)), "start", False, Arrival(A)),
    "a unit that is the same as its file is left alone": (
        Candidate(A, A, unit(A), local(A, ONE)), "start", False, Arrival(A)),
    "a unit that differs from its file is left alone, and said so": (
        Candidate(A, A, unit(A), local(A, TWO)), "start", False,
        Arrival(A, warnings=(differs(A, "unit file", A),))),
    "an instance that differs from its template is left alone, and said so": (
        Candidate(INST, "d/" + INST, unit(INST), None, T, None, local("d/" + T, TWO)), "start", False,
        Arrival(INST, warnings=(differs(INST, "template unit file", "d/" + INST),))),
    "a file that cannot be read does not matter to a unit that exists": (
        Candidate(A, A, unit(A), broken(A)), "start", False, Arrival(A)),
    "--replace replaces what differs": (
        Candidate(A, A, unit(A, desired="launched"), local(A, TWO)), "start", True,
        Arrival(A, TWO_FILE, replaces=True)),
    "--replace takes the template that the warning named": (
        Candidate(INST, INST, unit(INST), None, T, None, local(T, TWO)), "start", True,
        Arrival(INST, TWO_FILE, replaces=True)),
    "--replace does nothing about what is the same": (
        Candidate(A, A, unit(A), local(A, ONE)), "submit", True,
        Arrival(A, results=(f"Found same Unit({A}) in Registry, nothing to do",))),
    "submit does not replace what is loaded": (
        Candidate(A, A, unit(A, desired="loaded"), local(A, TWO)), "submit", True,
        Arrival(A, warnings=(
            f"Warning: can not replace Unit({A}) in state 'loaded', use the appropriate command",))),
    "load does not replace what is launched": (
        Candidate(A, A, unit(A, desired="launched"), local(A, TWO)), "load", True,
        Arrival(A, warnings=(
            f"Warning: can not replace Unit({A}) in state 'launched', use the appropriate command",))),
}  # fmt: skip


@pytest.mark.parametrize(("found", "verb", "replace", "plan"), PLANS.values(), ids=PLANS)
def test_what_is_done(found: Candidate, verb: str, replace: bool, plan: Arrival) -> None:
    assert arrival(found, verb, replace=replace) == plan


EMPTY = local("x/a.service", "# nothing\n")
PEERS = local("a.service", "[X-Fleet]\nMachineID=1\nGlobal=true\n")
NEAR = local("a.service", "[X-Fleet]\n# a comment\nConflict=b\n")
FAULTS = {
    "nothing of that name": (Candidate(A, A), False,
        f"unable to find Unit({A}) in Registry or on filesystem"),
    "no template either": (
        Candidate(INST, INST, None, None, T), False,
        f"failed getting Unit({INST}) from template: "
        f"unable to find template Unit({T}) in Registry or on filesystem"),
    "a file that cannot be read": (
        Candidate(A, "x/" + A, None, broken("x/" + A)), False,
        f"failed getting Unit(x/{A}) from file: open x/{A}: permission denied"),
    "a template that cannot be read": (
        Candidate(INST, INST, None, None, T, None, broken(T)), False,
        f"failed getting Unit({INST}) from template: "
        f"unable to load template Unit({T}) from file: open {T}: permission denied"),
    "a file without any option": (
        Candidate(A, "x/" + A, None, EMPTY), False,
        f"failed creating unit {A}: googleapi: Error 409: unit does not exist and options field empty "
        "(unit file x/a.service holds no options)"),
    "a name that is none": (
        Candidate("a+.service", "a+.service"), False, "invalid character '+' in unit name (\"a+.service\")"),
    "requirements that cannot be met": (
        Candidate(A, A, None, PEERS), False, "MachineID cannot be used with Global (a.service)"),
    "an option that is misspelt": (
        Candidate(A, A, None, NEAR), False,
        'a.service:3: unknown option "Conflict" in [X-Fleet]: '
        'did you mean "Conflicts"? (--force to keep it)'),
    "nothing to replace it with": (
        Candidate(A, "x/" + A, unit(A)), True, f"error Unit x/{A} does not seem to be a template unit"),
    "no template to replace it with": (
        Candidate(INST, "x/" + INST, unit(INST), None, T), True, f"stat x/{T}: no such file or directory"),
}  # fmt: skip


@pytest.mark.parametrize(("found", "replace", "said"), FAULTS.values(), ids=FAULTS)
def test_what_cannot_be_done(found: Candidate, replace: bool, said: str) -> None:
    with pytest.raises(BadUnit) as refused:
        arrival(found, "start", replace=replace)
    assert str(refused.value) == said


def test_an_option_that_nobody_knows_is_kept_with_a_warning_that_names_its_line() -> None:
    file = local("x/a.service", "[Service]\nWeather=1\nExecStart=/bin/true\n[X-Fleet]\nWeather=fine\n")
    plan = arrival(Candidate(A, "x/a.service", None, file), "start", replace=False)
    assert plan.warnings == (
        'Unit a.service: unrecognized requirement in [X-Fleet] section: "Weather" (x/a.service:5)',
    )


def test_a_misspelt_option_is_kept_if_forced() -> None:
    plan = arrival(Candidate(A, A, None, NEAR), "start", replace=False, force=True)
    assert plan.content is not None
    assert '"Conflict"' in plan.warnings[0]


def test_a_template_cannot_be_started() -> None:
    check_can_start([A, INST])
    with pytest.raises(BadUnit, match=r'cannot activate template "t@\.service"'):
        check_can_start([A, T])


GLOBAL = "[X-Fleet]\nGlobal=true\n"
RUNNING = unit("run.service", desired="launched", current="launched")
LOADED = unit("load.service", desired="loaded", current="loaded")
IDLE = unit("idle.service")
PLACELESS = unit("wait.service", desired="launched", current="inactive")
SHARED = unit("all.service", GLOBAL, "launched", "")
DEPARTURES = {
    "stop stops what runs": ("stop", [RUNNING], [RUNNING], ["run.service"], ""),
    "stop leaves alone what is loaded": ("stop", [LOADED], [], [], ""),
    "stop ends at one that is inactive": (
        "stop", [RUNNING, IDLE, RUNNING], [RUNNING], [],
        "Unable to stop unit idle.service in state inactive"),
    "stop does not wait for global units": ("stop", [SHARED], [SHARED], [], ""),
    "unload unloads what is loaded or runs": (
        "unload", [RUNNING, LOADED], [RUNNING, LOADED], ["run.service", "load.service"], ""),
    "unload leaves alone what is inactive": ("unload", [IDLE], [], [], ""),
    "unload takes back what still waits for a machine": (
        "unload", [PLACELESS], [PLACELESS], ["wait.service"], ""),
    "unload does not wait for global units": ("unload", [SHARED], [SHARED], [], ""),
}  # fmt: skip


@pytest.mark.parametrize(("verb", "units", "changed", "waited", "said"), DEPARTURES.values(), ids=DEPARTURES)
def test_what_leaves(verb: str, units: list[Unit], changed: list[Unit], waited: list[str], said: str) -> None:
    plan = departure(verb, units)
    assert (list(plan.changed), list(plan.waited), plan.refusal) == (changed, waited, said)
