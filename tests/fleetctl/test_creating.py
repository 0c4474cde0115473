"""Unit files on disk and in the cluster: what is created, replaced, warned about and refused."""

import os

import pytest

from tests.fleetctl.conftest import SIMPLE, Shell

OTHER = SIMPLE.replace("infinity", "1")


def units(fleetctl: Shell) -> list[str]:
    return fleetctl("list-unit-files", "--no-legend", "--fields=unit").out.split()


def test_submit_creates_and_says_nothing_about_what_is_there(fleetctl: Shell) -> None:
    path = fleetctl.file("units/a.service")
    assert fleetctl("submit", str(path)).out == "Unit a.service inactive\n"
    ran = fleetctl("submit", str(path))
    assert (ran.out, ran.err, ran.status) == ("", "", 0)


def test_a_file_without_type_in_its_name_is_never_read(fleetctl: Shell) -> None:
    fleetctl.file("noext")
    ran = fleetctl("submit", "noext")
    said = "Error creating units: unable to find Unit(noext.service) in Registry or on filesystem\n"
    assert (ran.out, ran.err, ran.status) == ("", said, 1)


def test_the_same_unit_twice_is_one(fleetctl: Shell) -> None:
    fleetctl.file("a.service")
    ran = fleetctl("submit", "a", "./a.service")
    assert (ran.out, ran.err, ran.status) == ("Unit a.service inactive\n", "", 0)


def test_a_symlinked_instance_is_a_file_of_its_own(fleetctl: Shell) -> None:
    fleetctl.file("t@.service")
    (fleetctl.directory / "t@1.service").symlink_to("t@.service")
    assert fleetctl("submit", "t@1.service").out == "Unit t@1.service inactive\n"


def test_nothing_is_created_if_one_of_the_files_is_bad(fleetctl: Shell) -> None:
    fleetctl.file("a.service")
    fleetctl.file("bad.service", "[Service]\nExecStart=/bin/true\nno equals sign\n")
    fleetctl.file("empty.service", "")
    ran = fleetctl("start", "a", "bad", "empty", "missing", "b+d")
    assert ran.err.splitlines() == [
        "Error creating units: failed getting Unit(bad.service) from file: "
        "unexpected newline encountered while parsing option name (bad.service:3)",
        "Error creating units: failed creating unit empty.service: googleapi: Error 409: unit does not exist "
        "and options field empty (unit file empty.service holds no options)",
        "Error creating units: unable to find Unit(missing.service) in Registry or on filesystem",
        "Error creating units: invalid character '+' in unit name (\"b+d.service\")",
    ]
    assert (ran.out, ran.status) == ("", 1)
    assert units(fleetctl) == []


def test_a_directory_is_no_unit_file(fleetctl: Shell) -> None:
    (fleetctl.directory / "a.service").mkdir()
    ran = fleetctl("submit", "a.service")
    assert ran.err == (
        "Error creating units: failed getting Unit(a.service) from file: open a.service: is a directory\n"
    )
    assert ran.status == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(fleetctl: Shell) -> None:
    fleetctl.file("a.service").chmod(0)
    assert "open a.service: permission denied" in fleetctl("submit", "a.service").err


def test_a_template_is_created_but_never_started(fleetctl: Shell) -> None:
    fleetctl.file("t@.service")
    ran = fleetctl("start", "t@.service")
    assert ran.err == 'Error starting units: googleapi: Error 400: cannot activate template "t@.service"\n'
    assert ran.status == 1
    assert units(fleetctl) == []
    assert fleetctl("submit", "t@.service").out == "Unit t@.service inactive\n"


def test_instances_come_from_the_template_in_the_cluster_first(fleetctl: Shell) -> None:
    path = fleetctl.file("t@.service")
    fleetctl("submit", "t@.service")
    path.write_text(OTHER)
    ran = fleetctl("submit", "t@1")
    assert ran.err == (
        "WARNING: Unit t@.service in registry differs from local template unit file t@1.service. "
        "Add --replace to override.\n"
    )
    assert (fleetctl("cat", "t@1").out, ran.status) == (SIMPLE, 0)


def test_a_file_that_differs_is_warned_about_and_replaced_on_request(fleetctl: Shell) -> None:
    path = fleetctl.file("a.service")
    fleetctl("start", "a")
    path.write_text(OTHER)
    ran = fleetctl("start", "a")
    assert ran.err == (
        "WARNING: Unit a.service in registry differs from local unit file a.service. "
        "Add --replace to override.\n"
    )
    assert fleetctl("cat", "a").out == SIMPLE
    refused = fleetctl("submit", "--replace", "a")
    assert refused.err == (
        "Warning: can not replace Unit(a.service) in state 'launched', use the appropriate command\n"
    )
    replaced = fleetctl("start", "--replace", "a")
    assert replaced.out == ("Unit a.service inactive\nUnit a.service launched on 11111111.../198.18.0.1\n")
    assert (fleetctl("cat", "a").out, replaced.status) == (OTHER, 0)
    again = fleetctl("start", "--replace", "a")
    assert again.out == "Found same Unit(a.service) in Registry, nothing to do\n"


def test_an_unknown_option_is_kept_with_a_warning(fleetctl: Shell) -> None:
    fleetctl.file("a.service", SIMPLE + "[X-Fleet]\nWeather=fine\n")
    ran = fleetctl("submit", "a")
    assert ran.err.endswith(
        ': Unit a.service: unrecognized requirement in [X-Fleet] section: "Weather" (a.service:4)\n'
    )
    assert (" WARN " in ran.err, ran.status) == (True, 0)


def test_a_misspelt_option_is_refused_unless_forced(fleetctl: Shell) -> None:
    fleetctl.file("a.service", SIMPLE + "[X-Fleet]\nMachineMetaData=a=b\n")
    ran = fleetctl("submit", "a")
    assert ran.err == (
        'Error creating units: a.service:4: unknown option "MachineMetaData" in [X-Fleet]: '
        'did you mean "MachineMetadata"? (--force to keep it)\n'
    )
    assert (units(fleetctl), ran.status) == ([], 1)
    assert fleetctl("submit", "--force", "a").status == 0
    assert units(fleetctl) == ["a.service"]
