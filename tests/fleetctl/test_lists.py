"""list-units, list-unit-files, list-machines and cat, as a script sees them."""

import hashlib
from pathlib import Path

import pytest

from tests.fleetctl.conftest import SIMPLE, Shell
from tests.fleetctl.small_cluster import M1, M2, small_cluster

NEAR, FAR = "11111111.../198.18.0.1", "22222222.../198.18.0.2"
FILES_HEADER = "UNIT\t\tHASH\tDSTATE\t\tSTATE\t\tTARGET\n"
HASH = hashlib.sha1(SIMPLE.encode()).hexdigest()


def test_an_empty_cluster_shows_headers_alone(fleetctl: Shell) -> None:
    assert fleetctl("list-units").out == "UNIT\tMACHINE\tACTIVE\tSUB\n"
    assert fleetctl("list-unit-files").out == "UNIT\tHASH\tDSTATE\tSTATE\tTARGET\n"
    assert fleetctl("list-units", "--no-legend").out == ""


def test_machines_are_listed_with_address_and_metadata(fleetctl: Shell) -> None:
    ran = fleetctl("list-machines")
    assert ran.out == (
        "MACHINE\t\tIP\t\tMETADATA\n11111111...\t198.18.0.1\tdisk=ssd,zone=a\n22222222...\t198.18.0.2\t-\n"
    )
    assert (ran.err, ran.status) == ("", 0)


@pytest.mark.parametrize("full", ["--full", "--l", "-l", "--full=true"])
def test_full_ids_on_request(fleetctl: Shell, full: str) -> None:
    ran = fleetctl("list-machines", full, "--no-legend", "--fields=machine")
    assert ran.out == f"{M1}\n{M2}\n"


def test_units_and_their_files_are_listed(fleetctl: Shell) -> None:
    fleetctl.file("a.service")
    fleetctl.file("all.service", SIMPLE + "[X-Fleet]\nGlobal=true\n")
    fleetctl("start", "a.service", "all.service")
    fleetctl.file("b.service", "[Unit]\nDescription=The second\n" + SIMPLE)
    fleetctl("submit", "b.service")
    units = fleetctl("list-units", "--fields=unit,machine,load,hash").out.splitlines()
    assert units[1] == f"a.service\t{NEAR}\tloaded\t{HASH[:7]}"
    assert [line.split("\t")[:2] for line in units[2:]] == [["all.service", NEAR], ["all.service", FAR]]
    assert fleetctl("list-unit-files", "--fields=unit,dstate,state,target,global,desc").out == (
        "UNIT\t\tDSTATE\t\tSTATE\t\tTARGET\t\t\tGLOBAL\tDESC\n"
        f"a.service\tlaunched\tlaunched\t{NEAR}\tfalse\t-\n"
        "all.service\tlaunched\t-\t\tglobal\t\t\ttrue\t-\n"
        "b.service\tinactive\tinactive\t-\t\t\tfalse\tThe second\n"
    )
    assert fleetctl("list-unit-files", "--full", "--fields=hash", "--no-legend").out.startswith(HASH)


def test_the_old_name_of_a_column_warns(fleetctl: Shell) -> None:
    ran = fleetctl("list-unit-files", "--fields=tmachine")
    assert ran.err == 'WARNING: The "tmachine" field is deprecated. Use "target" instead\n'
    assert ran.status == 0


@pytest.mark.parametrize(
    ("fields", "said"),
    [("", "Must define output format\n"), ("unit,nope", 'Invalid key in output format: "nope"\n')],
)
def test_columns_that_cannot_be_are_refused(fleetctl: Shell, fields: str, said: str) -> None:
    ran = fleetctl("list-units", f"--fields={fields}")
    assert (ran.out, ran.err, ran.status) == ("", said, 1)


def test_lists_are_read_page_by_page(tmp_path: Path) -> None:
    with small_cluster(tmp_path, page_size=3) as cluster:
        shell = Shell(tmp_path, {"FLEETCTL_ENDPOINT": cluster.endpoint})
        names = [f"u{i}.service" for i in range(7)]
        for name in names:
            shell.file(name)
        shell("submit", *names)
        assert shell("list-unit-files", "--fields=unit", "--no-legend").out.splitlines() == names


def test_lists_are_read_over_tcp_too(fleetctl: Shell, cluster: object) -> None:
    port = getattr(cluster, "port")  # noqa: B009
    ran = fleetctl(f"--endpoint=http://127.0.0.1:{port}", "list-machines", "--no-legend", "--fields=ip")
    assert ran.out == "198.18.0.1\n198.18.0.2\n"


def test_cat_prints_what_the_cluster_has(fleetctl: Shell) -> None:
    fleetctl.file("a.service", "# gone\n[Service]\n ExecStart = /bin/true \n")
    fleetctl("submit", "a.service")
    ran = fleetctl("cat", "somewhere/a")
    assert (ran.out, ran.err, ran.status) == ("[Service]\nExecStart=/bin/true\n", "", 0)


def test_a_unit_of_another_type_is_found_by_its_own_name(fleetctl: Shell) -> None:
    fleetctl.file("a.target", "[Unit]\nDescription=A goal\n")
    assert fleetctl("submit", "a.target").out == "Unit a.target inactive\n"
    assert fleetctl("cat", "a.target").out == "[Unit]\nDescription=A goal\n"
    assert fleetctl("destroy", "a.target").out == "Destroyed a.target\n"


def test_so_can_instances_of_such_templates(fleetctl: Shell) -> None:
    text = "[Unit]\nDescription=A goal\n"
    template = fleetctl.file("a@.target", text)
    assert fleetctl("submit", "a@1.target").out == "Unit a@1.target inactive\n"
    fleetctl("submit", "a@.target")
    template.unlink()
    assert fleetctl("submit", "a@2.target").out == "Unit a@2.target inactive\n"
    assert fleetctl("cat", "a@2.target").out == text
    fleetctl.file("b@.service")
    assert fleetctl("submit", "b@3.target").out == "Unit b@3.target.service inactive\n", "as fleet 1.0 has it"


@pytest.mark.parametrize(
    ("words", "said"),
    [((), "One unit file must be provided\n"), (("nope",), "Unit nope.service not found\n")],
)
def test_cat_says_what_it_cannot_print(fleetctl: Shell, words: tuple[str, ...], said: str) -> None:
    ran = fleetctl("cat", *words)
    assert (ran.out, ran.err, ran.status) == ("", said, 1)
