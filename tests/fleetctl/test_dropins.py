"""Drop-ins beside unit files: submitted, compared, replaced, checked and refused."""

import hashlib
import json
import os

import pytest

from tests.fleetctl.conftest import SIMPLE, Shell

LIMITS = "[Service]\nMemoryMax=50M\n"
CARRIED = f"{SIMPLE}\n[X-DropIn 10-limits.conf/Service]\nMemoryMax=50M\n"
UNUSABLE = 'the name of a drop-in must not hold "/", "]" or characters that cannot be printed'
DIFFERS = "WARNING: Unit {} in registry differs from local {} {}. Add --replace to override.\n"


def cat(fleetctl: Shell, name: str) -> str:
    return fleetctl("cat", name).out


def test_drop_ins_are_submitted_with_their_unit_and_hashed_with_it(fleetctl: Shell) -> None:
    fleetctl.file("units/a.service")
    fleetctl.file(
        "units/a.service.d/20-env.conf", "# said later\n[Service]\nEnvironment=A=b\n[Unit]\nAfter=b\n"
    )
    fleetctl.file("units/a.service.d/10-limits.conf", LIMITS)
    assert fleetctl("submit", "units/a.service").out == "Unit a.service inactive\n"
    text = CARRIED + (
        "\n[X-DropIn 20-env.conf/Service]\nEnvironment=A=b\n\n[X-DropIn 20-env.conf/Unit]\nAfter=b\n"
    )
    assert cat(fleetctl, "a") == text
    listed = json.loads(fleetctl("list-unit-files", "-o", "json").out)
    assert listed[0]["hash"] == hashlib.sha1(text.encode()).hexdigest()


def test_what_cat_prints_is_a_unit_file_that_says_the_same(fleetctl: Shell) -> None:
    fleetctl.file("a.service")
    fleetctl.file("a.service.d/10-limits.conf", LIMITS)
    fleetctl("submit", "a")
    fleetctl.file("elsewhere/a.service", cat(fleetctl, "a"))
    assert "nothing to do" in fleetctl("submit", "--replace", "elsewhere/a.service").out


def test_drop_ins_are_in_a_backup_and_come_back(fleetctl: Shell) -> None:
    fleetctl.file("a.service")
    fleetctl.file("a.service.d/10-limits.conf", LIMITS)
    fleetctl("submit", "a")
    assert fleetctl("backup", "kept.json").status == 0
    fleetctl("destroy", "a")
    assert fleetctl("restore", "kept.json").status == 0
    assert cat(fleetctl, "a") == CARRIED


def test_a_difference_in_a_drop_in_is_shown(fleetctl: Shell) -> None:
    fleetctl.file("a.service")
    fleetctl("submit", "a")
    fleetctl.file("a.service.d/10-limits.conf", LIMITS)
    ran = fleetctl("diff", "a")
    assert (ran.out.splitlines()[-2:], ran.status) == (
        ["+[X-DropIn 10-limits.conf/Service]", "+MemoryMax=50M"],
        2,
    )


@pytest.mark.parametrize("leave", ["nothing", "an empty directory", "a file", "others' files"])
def test_without_drop_ins_a_unit_is_what_it_always_was(fleetctl: Shell, leave: str) -> None:
    fleetctl.file("a.service")
    if leave == "an empty directory":
        (fleetctl.directory / "a.service.d").mkdir()
    elif leave == "a file":
        fleetctl.file("a.service.d", LIMITS)
    elif leave == "others' files":
        for name in (".10.conf", "README", "10.conf~", "deep.conf/10.conf"):
            fleetctl.file(f"a.service.d/{name}", LIMITS)
        fleetctl.file("service.d/10.conf", LIMITS)
        fleetctl.file("b.service.d/10.conf", LIMITS)
    assert fleetctl("submit", "a").status == 0
    assert cat(fleetctl, "a") == SIMPLE


def test_a_drop_in_that_differs_is_warned_about_and_replaced_on_request(fleetctl: Shell) -> None:
    fleetctl.file("a.service")
    fleetctl("start", "a")
    drop_in = fleetctl.file("a.service.d/10-limits.conf", LIMITS)
    assert fleetctl("start", "a").err == DIFFERS.format("a.service", "unit file", "a.service")
    assert cat(fleetctl, "a") == SIMPLE
    replaced = fleetctl("start", "--replace", "a")
    assert (replaced.out.splitlines()[-1], replaced.status) == (
        "Unit a.service launched on 11111111.../198.18.0.1",
        0,
    )
    assert cat(fleetctl, "a") == CARRIED
    assert fleetctl("start", "a").err == ""
    drop_in.unlink()
    fleetctl("start", "--replace", "a")
    assert cat(fleetctl, "a") == SIMPLE


def test_an_instance_has_the_drop_ins_of_its_template_and_its_own_win(fleetctl: Shell) -> None:
    fleetctl.file("t@.service")
    fleetctl.file("t@.service.d/10-limits.conf", LIMITS)
    fleetctl.file("t@.service.d/20-all.conf", "[Service]\nEnvironment=A=all\n")
    fleetctl.file("t@.service.d/30-off.conf", "[Service]\nEnvironment=B=off\n")
    fleetctl.file("t@1.service.d/20-all.conf", "[Service]\nEnvironment=A=one\n")
    fleetctl.file("t@1.service.d/15-own.conf", "[Service]\nNice=5\n")
    (fleetctl.directory / "t@1.service.d/30-off.conf").symlink_to(os.devnull)
    fleetctl("submit", "t@1", "t@2")
    assert cat(fleetctl, "t@1") == CARRIED + (
        "\n[X-DropIn 15-own.conf/Service]\nNice=5\n\n[X-DropIn 20-all.conf/Service]\nEnvironment=A=one\n"
    )
    assert "A=all" in cat(fleetctl, "t@2")


def test_an_instance_with_a_file_of_its_own_has_them_too(fleetctl: Shell) -> None:
    fleetctl.file("t@1.service")
    fleetctl.file("t@.service.d/10-limits.conf", LIMITS)
    fleetctl("submit", "t@1.service")
    assert cat(fleetctl, "t@1") == CARRIED


def test_a_template_brings_its_drop_ins_into_the_cluster_and_instances_add_their_own(fleetctl: Shell) -> None:
    fleetctl.file("t@.service")
    fleetctl.file("t@.service.d/10-limits.conf", LIMITS)
    fleetctl.file("t@1.service.d/20-own.conf", "[Service]\nNice=5\n")
    fleetctl("submit", "t@.service")
    assert cat(fleetctl, "t@.service") == CARRIED
    ran = fleetctl("submit", "t@1")
    assert (ran.err, ran.status) == ("", 0)
    assert cat(fleetctl, "t@1") == CARRIED + "\n[X-DropIn 20-own.conf/Service]\nNice=5\n"
    assert fleetctl("submit", "t@1").err == ""

    fleetctl.file("t@.service.d/10-limits.conf", "[Service]\nMemoryMax=60M\n")
    warned = DIFFERS.format("t@.service", "template unit file", "t@2.service")
    assert fleetctl("submit", "t@2").err == warned
    assert cat(fleetctl, "t@2") == CARRIED, "as of old, the template in the cluster counts"
    assert fleetctl("submit", "t@1").err == DIFFERS.format("t@1.service", "template unit file", "t@1.service")
    fleetctl("submit", "--replace", "t@1")
    assert "MemoryMax=60M" in cat(fleetctl, "t@1")
    assert "Nice=5" in cat(fleetctl, "t@1")


def test_an_instance_with_nothing_but_drop_ins_here_is_made_of_the_template_in_the_cluster(
    fleetctl: Shell,
) -> None:
    template = fleetctl.file("t@.service")
    fleetctl("submit", "t@.service")
    template.unlink()
    fleetctl.file("t@1.service.d/10-limits.conf", LIMITS)
    fleetctl("submit", "t@1")
    assert cat(fleetctl, "t@1") == CARRIED


def test_what_a_drop_in_says_to_the_cluster_is_the_units_own_word(fleetctl: Shell) -> None:
    fleetctl.file("g.service")
    fleetctl.file("g.service.d/10-everywhere.conf", "[X-Fleet]\nGlobal=true\n")
    assert "Triggered global unit g.service start" in fleetctl("start", "g").out
    assert cat(fleetctl, "g") == f"{SIMPLE}\n[X-Fleet]\nGlobal=true\n"


BAD = {
    "grammar": (
        "10-a.conf",
        "[Service]\nNice=5\nnonsense\n",
        "unexpected newline encountered while parsing option name (a.service.d/10-a.conf:3)",
    ),
    "a name": (
        "a]b.conf",
        LIMITS,
        '\'a.service.d/a]b.conf\': the name of a drop-in must not hold "/", "]" or characters that cannot be '
        "printed",
    ),
}


@pytest.mark.parametrize(("name", "text", "said"), BAD.values(), ids=BAD)
def test_a_drop_in_that_cannot_be_used_is_named_and_nothing_is_created(
    fleetctl: Shell, name: str, text: str, said: str
) -> None:
    fleetctl.file("a.service")
    fleetctl.file("b.service")
    fleetctl.file(f"a.service.d/{name}", text)
    ran = fleetctl("start", "b", "a")
    assert ran.err == f"Error creating units: failed getting Unit(a.service) from file: {said}\n"
    assert (fleetctl("list-unit-files", "--no-legend").out, ran.status) == ("", 1)


def test_a_drop_in_that_is_not_there_after_all_is_no_silent_loss(fleetctl: Shell) -> None:
    fleetctl.file("t@.service")
    fleetctl("submit", "t@.service")
    (fleetctl.directory / "t@1.service.d").mkdir()
    (fleetctl.directory / "t@1.service.d/10.conf").symlink_to("nowhere")
    ran = fleetctl("submit", "t@1")
    assert ran.err.endswith(": open t@1.service.d/10.conf: no such file or directory\n")
    assert ran.status == 1


def test_a_misspelt_option_is_refused_with_the_drop_in_and_its_line(fleetctl: Shell) -> None:
    fleetctl.file("a.service")
    fleetctl.file("a.service.d/10-a.conf", "[Service]\nNice=5\n[X-Fleet]\nConflict=x\n")
    ran = fleetctl("submit", "a")
    assert ran.err.startswith('Error creating units: a.service.d/10-a.conf:4: unknown option "Conflict"')
    fleetctl("submit", "--force", "a")
    assert "Conflict=x" in cat(fleetctl, "a")


def test_an_empty_unit_file_stays_empty_whatever_its_drop_ins_say(fleetctl: Shell) -> None:
    fleetctl.file("a.service", "")
    fleetctl.file("a.service.d/10-limits.conf", LIMITS)
    assert "unit file a.service holds no options" in fleetctl("submit", "a").err


def test_verify_reads_drop_ins_too(alone: Shell) -> None:
    alone.file("a@1.service", SIMPLE + "[X-Fleet]\nMachineID=x\n")
    alone.file("a@.service.d/10-bad.conf", "[Service]\nnonsense\n[X-Fleet]\nGlobal=maybe\n")
    alone.file("a@1.service.d/20-more.conf", "[Service]\nA=b\n[X-Fleet]\nConflicts=a\nColour=red\n")
    alone.file("a@1.service.d/README", "about")
    alone.file("a@1.service.d/x]y.conf", LIMITS)
    ran = alone("verify", "a@1.service")
    assert sorted(ran.out.splitlines()) == sorted(
        [
            "a@.service.d/10-bad.conf:2: unexpected newline encountered while parsing option name",
            'a@.service.d/10-bad.conf:4: Global: "maybe" is neither true nor false',
            "a@1.service.d/20-more.conf:4: MachineID cannot be used with Conflicts",
            'a@1.service.d/20-more.conf:5: warning: unknown option "Colour" in [X-Fleet], which does nothing',
            "a@1.service.d/README: warning: it is ignored: the name of a drop-in must end in .conf",
            "a@1.service.d/x]y.conf: " + UNUSABLE,
        ]
    )
    assert (ran.err, ran.status) == ("4 errors in 1 of 1 files\n", 1)


def test_verify_knows_what_no_section_of_a_drop_in_can_be(alone: Shell) -> None:
    alone.file("a.service", SIMPLE + "[X-DropIn a/Service]\nA=b\n")
    alone.file("b.service", CARRIED)
    alone.file("b.service.d/20-b.conf", "[X-DropIn c.conf/Service]\nA=b\n")
    ran = alone("verify", "a.service", "b.service")
    assert ran.out.splitlines() == [
        "a.service: section [X-DropIn a/Service]: the name of a drop-in must end in .conf",
        "b.service.d/20-b.conf: section [X-DropIn 20-b.conf/X-DropIn c.conf/Service]: "
        "a drop-in has no drop-ins",
    ]
    assert ran.status == 1


def test_verify_is_content_with_sound_drop_ins(alone: Shell) -> None:
    alone.file("a.service")
    alone.file("a.service.d/10-limits.conf", LIMITS)
    ran = alone("verify", "a.service")
    assert (ran.out, ran.err, ran.status) == ("", "", 0)
