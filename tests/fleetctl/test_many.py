"""Several units and machines at once: whose line it is, and in which order lines come."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetctl import journal
from fleetctl.many import Held, Line
from fleetctl.selection import instances_of, several
from tests.fleetctl.conftest import SIMPLE, Shell
from tests.fleetctl.small_cluster import M1, M2, small_cluster
from tests.fleetctl.ssh_host import SshHost, port
from units.machine import Machine


def line(at: float, number: int = 0) -> Line:
    return Line(at, number, 0, "")


def test_lines_leave_in_the_order_of_their_times() -> None:
    held = Held(0.5)
    held.put(line(10.2), 0.0)
    held.put(line(10.0), 0.3)
    held.put(line(10.4), 0.4)
    assert list(held.due(0.4)) == []
    assert list(held.due(0.5)) == [line(10.0), line(10.2)]
    assert list(held.due(0.8)) == []
    assert list(held.rest()) == [line(10.4)]


def test_lines_of_one_moment_keep_their_order() -> None:
    held = Held(0.0)
    for number in (1, 2):
        held.put(line(5.0, number), 0.0)
    assert [one.number for one in held.due(0.0)] == [1, 2]


def test_templates_mean_their_instances() -> None:
    assert instances_of(["web@", "units/db@.service", "a"]) == ["web@*.service", "db@*.service", "a"]
    assert several(["a", "web@.timer"])
    assert not several(["a", "web@1"])


ENTRY = {"__REALTIME_TIMESTAMP": "1000000250000", "SYSLOG_IDENTIFIER": "web", "_PID": "7"}
ENTRIES = {
    "text": ({**ENTRY, "MESSAGE": "hello"}, " web[7]: hello"),
    "bytes": ({**ENTRY, "MESSAGE": [104, 105, 255]}, " web[7]: hi\\xff"),
    "nothing": ({**ENTRY, "MESSAGE": None, "_PID": None}, " web: "),
}


@pytest.mark.parametrize(("entry", "shown"), ENTRIES.values(), ids=ENTRIES)
def test_an_entry_of_the_journal_is_read_with_its_time(entry: object, shown: str) -> None:
    at, text = journal.read(json.dumps(entry))
    assert at == 1000000.25
    assert text.endswith(shown)


@pytest.mark.parametrize("raw", ["-- No entries --", "[]", "{}", "5"])
def test_what_is_no_entry_is_shown_as_it_is(raw: str) -> None:
    assert journal.read(raw) == (None, raw)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Shell]:
    """A user on a machine of the cluster, whose systemd is a script."""
    own = Path("/etc/machine-id").read_text().strip()
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, script in {
        "systemctl": 'echo "systemctl: $*"; exit 3',
        "journalctl": """\
for word in "$@"; do case "$word" in *@1*) t=3;; *@2*) t=1;; esac; done
for n in $t $((t + 1)); do
  printf '{"__REALTIME_TIMESTAMP": "100000%d000000", "MESSAGE": "at %d"}\\n' $n $n
done
""",
    }.items():
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    with small_cluster(tmp_path, machines=[Machine(own, "198.18.0.1")]) as cluster:
        env = {"FLEETCTL_ENDPOINT": cluster.endpoint, "PATH": f"{tools}:/usr/bin:/bin"}
        shell = Shell(tmp_path, env, spawns=True)
        shell.file("web@.service")
        assert shell("start", "web@1", "web@2").status == 0
        yield shell


def test_status_of_a_pattern_shows_every_unit_even_if_one_is_not_well(here: Shell) -> None:
    ran = here("status", "web@*")
    assert ran.out == "systemctl: status -l web@1.service\n\nsystemctl: status -l web@2.service\n"
    assert (ran.err, ran.status) == ("", 3)
    nobody = here("status", "nope*")
    assert (nobody.err, nobody.status) == ("No unit matches nope*.\n", 4)


def test_status_for_programs_needs_no_systemctl(here: Shell) -> None:
    ran = here("status", "-o", "json", "web@")
    shown = json.loads(ran.out)
    assert [one["unit"] for one in shown] == ["web@1.service", "web@2.service"]
    assert shown[0]["states"][0]["active"] == "active"
    assert ran.status == 0
    assert here("status", "-o", "json", "nope").status == 4


def test_journals_of_several_units_are_put_together_by_time(here: Shell) -> None:
    ran = here("journal", "web@")
    assert [row.rpartition(" ")[2] for row in ran.out.splitlines()] == ["1", "2", "3", "4"]
    first = ran.out.splitlines()[0]
    assert first.startswith("web@2.service ")
    assert "... | " in first
    assert (ran.err, ran.status) == ("", 0)


def test_an_interrupt_ends_followed_journals_with_all_that_they_started(here: Shell) -> None:
    (here.directory / "tools" / "journalctl").write_text("#!/bin/sh\necho $$\nexec sleep 60\n")
    with here.popen("journal", "-f", "web@") as process:
        assert process.stdout is not None
        rows = [process.stdout.readline() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=5)
    assert (err, process.returncode) == ("", 130)
    for row in rows:
        with pytest.raises(ProcessLookupError):
            os.kill(int(row.split()[-1]), 0)


@pytest.mark.lab
def test_ssh_runs_a_command_on_all_machines_and_names_each_line(user: Shell, host: SshHost) -> None:
    ran = user("ssh", "--all", port(host), "--", "echo one; echo two >&2; exit 5")
    assert sorted(ran.out.splitlines()) == [f"{M1[:8]}.../127.0.0.1 | {word}" for word in ("one", "two")]
    assert ran.err == f"{M2[:8]}.../: the machine has published no address\n"
    assert ran.status == 5
    ran = user("ssh", port(host), "a*", "--", "echo", "hi")
    assert (ran.out, ran.status) == (f"{M1[:8]}.../127.0.0.1 | hi\n", 0)
    assert user("ssh", "--all").status == 64


@pytest.mark.lab
def test_status_and_journal_of_a_pattern_go_to_other_machines(user: Shell, host: SshHost) -> None:
    assert user("status", port(host), "a*").out == "systemctl: status -l a.service\n"
    ran = user("journal", port(host), "a*")
    said = "journalctl: --no-pager -n 10 --unit a.service --output json"
    assert ran.out == f"a.service {M1[:8]}... | {said}\n"


@pytest.mark.lab
def test_a_machine_is_connected_to_once_for_the_status_of_many_units(user: Shell, host: SshHost) -> None:
    units = [f"many{number}.service" for number in range(5)]
    for unit in units:
        user.file(unit, SIMPLE + f"[Play]\nMachine={M1}\n")
    user("start", *units)
    log = host.directory / "sshd.log"
    before = log.read_text().count("Accepted publickey")
    ran = user("status", port(host), "many*")
    assert ran.out.split("\n\n") == [
        f"systemctl: status -l {unit}" + ("\n" if unit == units[-1] else "") for unit in units
    ]
    assert (ran.err, ran.status) == ("", 3)
    assert log.read_text().count("Accepted publickey") == before + 1
    user("destroy", *units)


def test_status_is_a_table_or_names_on_request(here: Shell) -> None:
    table = here("status", "-o", "wide", "web@").out.splitlines()
    assert table[0].split() == ["UNIT", "DSTATE", "TARGET", "LOAD", "ACTIVE", "SUB"]
    assert table[1].split()[:2] == ["web@1.service", "launched"]
    assert table[1].split()[3:] == ["loaded", "active", "running"]
    assert here("status", "-o", "name", "web@").out == "web@1.service\nweb@2.service\n"


def test_status_follows_the_cluster(here: Shell) -> None:
    with here.popen("status", "-w", "-o", "json", "web@1") as watching:
        assert watching.stdout is not None
        assert json.loads(watching.stdout.readline())[0]["current"] == "launched"
        here("stop", "web@1")
        while (said := json.loads(watching.stdout.readline())[0])["current"] != "loaded":
            pass
        watching.terminate()
    assert said["states"][0]["active"] in ("active", "inactive")
