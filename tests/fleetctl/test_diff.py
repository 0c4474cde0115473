"""diff: what differs between files here and units of the cluster."""

from tests.fleetctl.conftest import SIMPLE, Shell

OTHER = SIMPLE.replace("infinity", "60")


def test_a_file_that_differs_is_told_line_by_line(fleetctl: Shell) -> None:
    fleetctl.file("units/a.service")
    fleetctl("submit", "units/a")
    fleetctl.file("units/a.service", "# a comment\n" + OTHER)
    ran = fleetctl("diff", "units/a")
    assert ran.out == (
        "--- a.service in the cluster\n"
        "+++ units/a.service\n"
        "@@ -1,2 +1,2 @@\n"
        " [Service]\n"
        "-ExecStart=/bin/sleep infinity\n"
        "+ExecStart=/bin/sleep 60\n"
    )
    assert (ran.err, ran.status) == ("", 2)


def test_files_that_are_alike_are_not_talked_about(fleetctl: Shell) -> None:
    fleetctl.file("web@.service")
    fleetctl("submit", "web@", "web@1")
    fleetctl.file("web@.service", "# a comment\n\n" + SIMPLE)
    ran = fleetctl("diff", "web@.service", "web@1")
    assert (ran.out, ran.err, ran.status) == ("", "", 0)


def test_an_instance_is_compared_with_its_template(fleetctl: Shell) -> None:
    fleetctl.file("web@.service")
    fleetctl("submit", "web@1", "web@2")
    fleetctl.file("web@.service", OTHER)
    fleetctl.file("web@2.service")
    ran = fleetctl("diff", "web@*")
    assert ran.out.startswith("--- web@1.service in the cluster\n+++ web@.service\n")
    assert ran.out.count("---") == 1
    assert ran.status == 2


def test_a_unit_that_is_not_in_the_cluster_differs(fleetctl: Shell) -> None:
    fleetctl.file("a.service")
    ran = fleetctl("diff", "a")
    assert (ran.out, ran.err) == ("", "Unit a.service is not in the cluster (fleetctl submit a.service)\n")
    assert ran.status == 2


def test_what_cannot_be_compared_is_an_error_and_the_rest_is_compared(fleetctl: Shell) -> None:
    fleetctl.file("b.service")
    fleetctl("submit", "b")
    fleetctl.file("b.service", OTHER)
    (fleetctl.directory / "bad.service").mkdir()
    ran = fleetctl("diff", "none", "bad", "web@1", "b")
    assert ran.err.splitlines()[0] == "There is no file none.service, and no unit none.service in the cluster"
    assert "open bad.service: is a directory" in ran.err.splitlines()[1]
    assert "There is no file web@1.service, nor web@.service beside it" in ran.err.splitlines()[2]
    assert "+ExecStart=/bin/sleep 60\n" in ran.out
    assert ran.status == 1


def test_the_difference_is_coloured_on_request(fleetctl: Shell) -> None:
    fleetctl.file("a.service")
    fleetctl("submit", "a")
    fleetctl.file("a.service", OTHER)
    assert "\x1b[31m-ExecStart=/bin/sleep infinity\x1b[0m\n" in fleetctl("diff", "--color=always", "a").out
