"""The life of units, as a script sees it: the real command against the real API."""

import signal
import time
from pathlib import Path

import pytest

from tests.fleetctl.conftest import SIMPLE, Shell
from tests.fleetctl.small_cluster import small_cluster
from units.machine import Machine

NEAR = "11111111.../198.18.0.1"


def playing(**lines: str) -> str:
    """A unit file with a script for the host."""
    return SIMPLE + "[Play]\n" + "".join(f"{name}={value}\n" for name, value in lines.items())


def active(fleetctl: Shell, *fields: str) -> list[str]:
    return fleetctl("list-units", "--no-legend", "--fields=unit,active,sub").out.split()


def test_start_creates_launches_and_waits_until_it_runs(fleetctl: Shell) -> None:
    fleetctl.file("a.service")
    ran = fleetctl("start", "a")
    assert ran.out == f"Unit a.service inactive\nUnit a.service launched on {NEAR}\n"
    assert (ran.err, ran.status) == ("", 0)
    assert active(fleetctl) == ["a.service", "active", "running"]


def test_start_of_what_is_launched_says_nothing(fleetctl: Shell) -> None:
    fleetctl.file("a.service")
    fleetctl("start", "a")
    ran = fleetctl("start", "a")
    assert (ran.out, ran.err, ran.status) == ("", "", 0)


def test_start_waits_as_long_as_systemd_starts_it(fleetctl: Shell) -> None:
    fleetctl.file("slow.service", playing(Start="activating/start@2.5 active/running"))
    start = time.monotonic()
    ran = fleetctl("start", "slow")
    assert (ran.err, ran.status) == ("", 0)
    assert time.monotonic() - start >= 2.5


def test_start_tells_of_a_unit_that_failed_instead_of_waiting(fleetctl: Shell) -> None:
    fleetctl.file("bad.service", playing(Start="activating/start@0.1 failed/failed"))
    ran = fleetctl("start", "bad")
    said = f"unit bad.service failed on {NEAR}: systemd says failed (failed)"
    said += " (fleetctl status bad.service tells more)"
    assert ran.err == (
        f"Error waiting for units: {said}\nError waiting for systemd unit states, err: {said}\n"
    )
    assert ran.status == 1


def test_one_failure_does_not_hide_the_others(fleetctl: Shell) -> None:
    fleetctl.file("bad.service", playing(Start="failed/failed"))
    fleetctl.file("good.service")
    ran = fleetctl("start", "bad", "good")
    assert f"Unit good.service launched on {NEAR}\n" in ran.out
    assert "unit bad.service failed" in ran.err
    assert ran.status == 1


def test_a_unit_that_did_its_work_has_started_well(fleetctl: Shell) -> None:
    fleetctl.file("once.service", playing(Start="activating/start@0.1 inactive/dead"))
    ran = fleetctl("start", "once")
    assert (ran.err, ran.status) == ("", 0)


def test_a_unit_that_ends_again_and_again_has_not(fleetctl: Shell) -> None:
    fleetctl.file("loop.service", playing(Start="activating/auto-restart"))
    ran = fleetctl("start", "loop")
    assert "systemd says activating (auto-restart): it ends as soon as it is started" in ran.err
    assert ran.status == 1


def test_waiting_for_a_machine_ends_with_the_attempts(fleetctl: Shell) -> None:
    fleetctl.file("lost.service", playing(Machine="none"))
    start = time.monotonic()
    ran = fleetctl("start", "--block-attempts=1", "lost")
    said = "timed out waiting for unit lost.service to report state launched"
    assert ran.err == (
        f"Error waiting for units: {said}\nError waiting for unit states, exit status: {said}\n"
    )
    assert ran.status == 124
    assert time.monotonic() - start >= 2


def test_an_interrupt_ends_the_waiting_at_once(fleetctl: Shell) -> None:
    fleetctl.file("lost.service", playing(Machine="none"))
    with fleetctl.popen("start", "lost") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "Unit lost.service inactive\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == "Interrupted. What has been asked of the cluster goes on.\n"


@pytest.mark.parametrize("where", [("--no-block", "start"), ("start", "--no-block")])
def test_without_blocking_start_only_triggers(fleetctl: Shell, where: tuple[str, ...]) -> None:
    fleetctl.file("lost@.service", playing(Machine="none"))
    ran = fleetctl(*where, "lost@1", "lost@2")
    assert ran.out == (
        "Unit lost@1.service inactive\nUnit lost@2.service inactive\n"
        + 2 * "Triggered unit lost@1.service start\nTriggered unit lost@2.service start\n"
    )
    assert (ran.err, ran.status) == ("", 0)


def test_global_units_are_triggered_and_not_waited_for(fleetctl: Shell) -> None:
    fleetctl.file("all.service", SIMPLE + "[X-Fleet]\nGlobal=true\n")
    ran = fleetctl("start", "all")
    assert ran.out == "Unit all.service \nTriggered global unit all.service start\n"
    assert fleetctl("stop", "all").out == "Triggered global unit all.service stop\n"


def test_load_loads_and_start_then_starts(fleetctl: Shell) -> None:
    fleetctl.file("a.service")
    assert fleetctl("load", "a").out == f"Unit a.service inactive\nUnit a.service loaded on {NEAR}\n"
    assert active(fleetctl) == ["a.service", "inactive", "dead"]
    assert fleetctl("start", "a").out == f"Unit a.service launched on {NEAR}\n"
    assert fleetctl("load", "a").out == f"Unit a.service loaded on {NEAR}\n"


def test_stop_waits_until_the_unit_has_stopped(fleetctl: Shell) -> None:
    fleetctl.file("a.service", playing(Stop="deactivating/stop-sigterm@0.7 inactive/dead"))
    fleetctl("start", "a")
    ran = fleetctl("stop", "a", "nope")
    assert ran.out == f"Unit a.service loaded on {NEAR}\n"
    assert ran.err == "Successfully stopped units [a.service].\n"
    assert ran.status == 0
    assert active(fleetctl) == ["a.service", "inactive", "dead"]
    assert fleetctl("stop", "a").err == "Successfully stopped units [].\n"


def test_stop_of_an_inactive_unit_fails_and_leaves_the_rest(fleetctl: Shell) -> None:
    for name in ("a.service", "b.service", "c.service"):
        fleetctl.file(name)
    fleetctl("start", "a", "c")
    fleetctl("submit", "b")
    ran = fleetctl("stop", "a", "b", "c")
    assert (ran.out, ran.err, ran.status) == ("", "Unable to stop unit b.service in state inactive\n", 1)
    files = fleetctl("list-unit-files", "--no-legend", "--fields=dstate").out.split()
    assert files == ["loaded", "inactive", "launched"]


def test_unload_waits_until_no_machine_has_the_unit(fleetctl: Shell) -> None:
    fleetctl.file("a.service", playing(Stop="deactivating/stop-sigterm@0.7 inactive/dead"))
    fleetctl("start", "a")
    ran = fleetctl("unload", "a")
    assert ran.out == "Unit a.service inactive\n"
    assert (ran.err, ran.status) == ("Successfully unloaded units [a.service].\n", 0)
    assert active(fleetctl) == []
    assert fleetctl("cat", "a").status == 0


def test_destroy_waits_until_the_unit_has_stopped(fleetctl: Shell) -> None:
    fleetctl.file("a.service", playing(Stop="deactivating/stop-sigterm@0.7 inactive/dead"))
    fleetctl("start", "a")
    start = time.monotonic()
    ran = fleetctl("destroy", "a")
    assert (ran.out, ran.err, ran.status) == ("Destroyed a.service\n", "", 0)
    assert time.monotonic() - start > 0.7
    assert active(fleetctl) == []


def test_destroy_without_blocking_does_not_wait(fleetctl: Shell) -> None:
    fleetctl.file("a.service", playing(Stop="deactivating/stop-sigterm@60 inactive/dead"))
    fleetctl("start", "a")
    assert fleetctl("destroy", "--no-block", "a").out == "Destroyed a.service\n"
    assert active(fleetctl) == ["a.service", "deactivating", "stop-sigterm"]


def test_destroy_says_what_is_still_running_when_the_attempts_are_used_up(fleetctl: Shell) -> None:
    fleetctl.file("a.service", playing(Stop="deactivating/stop-sigterm@60 inactive/dead"))
    fleetctl("start", "a")
    ran = fleetctl("destroy", "--block-attempts=1", "a")
    assert "timed out waiting for unit a.service" in ran.err
    assert ran.status == 124


@pytest.mark.parametrize("verb", ["start", "load", "submit", "stop", "unload", "destroy", "restart"])
def test_no_units_given_is_no_failure(fleetctl: Shell, verb: str) -> None:
    ran = fleetctl(verb)
    assert (ran.out, ran.err, ran.status) == ("", "No units given\n", 0)


@pytest.mark.parametrize("verb", ["stop", "unload", "destroy"])
def test_units_that_do_not_exist_are_no_failure(fleetctl: Shell, verb: str) -> None:
    ran = fleetctl(verb, "nope")
    assert (ran.out, ran.err, ran.status) == ("", "Units not found in registry\n", 0)
    pattern = fleetctl(verb, "nope*")
    assert pattern.err == "No unit matches nope*\nUnits not found in registry\n"


def test_what_is_named_twice_is_done_and_told_twice(fleetctl: Shell) -> None:
    fleetctl.file("a.service")
    fleetctl("start", "a")
    ran = fleetctl("stop", "a", "a")
    assert ran.out == 2 * f"Unit a.service loaded on {NEAR}\n"
    assert (ran.err, ran.status) == ("Successfully stopped units [a.service a.service].\n", 0)


def test_restart_stops_and_starts(fleetctl: Shell) -> None:
    fleetctl.file("a.service", playing(Stop="deactivating/stop-sigterm@0.2 inactive/dead"))
    fleetctl("start", "a")
    ran = fleetctl("restart", "a")
    assert ran.out == f"Unit a.service loaded on {NEAR}\nUnit a.service launched on {NEAR}\n"
    assert ran.err.endswith(": Unit(a.service) was restarted.\n")
    assert (" INFO " in ran.err, ran.status) == (True, 0)


def test_restart_starts_what_is_loaded_and_refuses_what_is_inactive(fleetctl: Shell) -> None:
    fleetctl.file("a.service")
    fleetctl.file("b.service")
    fleetctl("load", "a")
    fleetctl("submit", "b")
    ran = fleetctl("restart", "b", "a")
    assert ran.out == f"Unit a.service launched on {NEAR}\n"
    assert ran.err.startswith("Unable to restart unit b.service in state inactive\n")
    assert ran.err.endswith(": Unit(a.service) already loaded, starting.\n")
    assert ran.status == 0


def test_many_units_are_started_together(fleetctl: Shell) -> None:
    fleetctl.file("t@.service")
    names = [f"t@{i}.service" for i in range(30)]
    ran = fleetctl("start", *names)
    assert ran.out.splitlines() == [
        *(f"Unit {name} inactive" for name in names),
        *(f"Unit {name} launched on {NEAR}" for name in names),
    ]
    assert ran.status == 0
    assert fleetctl("destroy", *names).status == 0


def test_status_and_journal_of_a_unit_on_this_host_need_no_ssh(tmp_path: Path) -> None:
    own = Path("/etc/machine-id").read_text().strip()
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("systemctl", "journalctl", "sudo"):
        (tools / name).write_text(f'#!/bin/sh\necho "{name}: $*"\nexit 3\n')
        (tools / name).chmod(0o755)
    with small_cluster(tmp_path, machines=[Machine(own, "198.18.0.1")]) as cluster:
        env = {"FLEETCTL_ENDPOINT": cluster.endpoint, "PATH": f"{tools}:/usr/bin:/bin"}
        here = Shell(tmp_path, env, spawns=True)
        here.file("a.service")
        here.file("b.service")
        assert here("status", "a").err == "Unit a.service does not exist.\n"
        here("submit", "a", "b")
        assert here("status", "a").err == "Unit a.service does not appear to be loaded.\n"
        assert here("journal", "a").err == "Unit a.service does not appear to be running.\n"
        here("start", "a", "b")
        ran = here("status", "a", "b")
        assert (ran.out, ran.err, ran.status) == ("systemctl: status -l a.service\n", "", 3)
        ran = here("journal", "--sudo", "-f", "a")
        said = "sudo: journalctl --unit a.service --no-pager -n 10 --output short -f\n"
        assert (ran.out, ran.err, ran.status) == (said, "", 3)
        assert here("journal").err == "One unit file must be provided.\n"
