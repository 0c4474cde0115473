"""fleetlab's rules that need no root: names, addresses, paths, texts, waiting."""

import asyncio
import os
import subprocess
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from fleetlab import CommandFailed, LabError, Result, TimedOut, faults, subnets, together, wait_until
from fleetlab.bringup import advice
from fleetlab.commands import run
from fleetlab.install import fleet_conf
from fleetlab.interpreter import to_bind
from fleetlab.overview import table, trouble
from fleetlab.paths import inside
from fleetlab.processes import Process
from fleetlab.state import NAME, Faults, FleetRecord, HostRecord, LabRecord, load_hosts, load_lab, save


def test_every_lab_has_a_subnet_of_its_own_in_the_range_for_benches() -> None:
    nets = [subnets.subnet(index) for index in range(subnets.LABS)]
    assert len(set(nets)) == subnets.LABS
    assert all(net.subnet_of(IPv4Network("198.18.0.0/15")) for net in nets)


def test_addresses_of_a_lab_do_not_meet() -> None:
    addresses = [subnets.gateway(7)]
    addresses += [subnets.member_address(7, number) for number in range(1, subnets.MEMBERS + 1)]
    addresses += [subnets.host_address(7, number) for number in range(1, subnets.HOSTS + 1)]
    assert len(set(addresses)) == len(addresses)
    assert addresses[-1] == "198.18.7.254"


def test_a_hardware_address_follows_from_the_address() -> None:
    assert subnets.mac("198.18.0.11") == "02:00:c6:12:00:0b"


@pytest.mark.parametrize("name", ["a", "default", "a-1", "0" * 32])
def test_a_lab_may_be_named(name: str) -> None:
    assert NAME.fullmatch(name)


@pytest.mark.parametrize("name", ["", "A", "a.b", "a/b", "-a", "a-", "ä", "a b", "0" * 33, "..", "a\n"])
def test_a_lab_may_not_be_named(name: str) -> None:
    assert not NAME.fullmatch(name)


LINKS = {
    "a plain path": ("/etc/hosts", "etc/hosts"),
    "a relative path is from the root": ("etc/hosts", "etc/hosts"),
    "nothing leads above the root": ("/../../etc/hosts", "etc/hosts"),
    "an absolute link stays inside": ("/absolute/x", "etc/x"),
    "a relative link stays inside": ("/var/relative/x", "etc/x"),
    "a link that climbs too far stays inside": ("/climbing/x", "etc/x"),
    "links are followed one after another": ("/chain/x", "etc/x"),
    "a file that is a link": ("/etc/file", "run/target"),
}


@pytest.mark.parametrize(("path", "where"), LINKS.values(), ids=LINKS.keys())
def test_a_path_in_a_host_never_leads_out_of_it(tmp_path: Path, path: str, where: str) -> None:
    for directory in ("etc", "var", "run"):
        (tmp_path / directory).mkdir()
    (tmp_path / "absolute").symlink_to("/etc")
    (tmp_path / "var/relative").symlink_to("../etc")
    (tmp_path / "climbing").symlink_to("../../../etc")
    (tmp_path / "chain").symlink_to("/absolute")
    (tmp_path / "etc/file").symlink_to("/run/target")
    assert inside(tmp_path, path) == tmp_path / where


def test_a_loop_of_links_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(LabError, match="too many symbolic links"):
        inside(tmp_path, "/a/x")


def test_records_come_back_as_they_were_saved(tmp_path: Path) -> None:
    lab = LabRecord(
        "x-1", "x", 3, Process(1, 2), True, ("--a",), FleetRecord({"agent_ttl": "3s"}, {"h1": {}}, False)
    )
    save(tmp_path, lab)
    assert load_lab(tmp_path) == lab
    save(tmp_path, replace(lab, owner=None, fleet=None))
    assert load_lab(tmp_path) == replace(lab, owner=None, fleet=None)


def test_a_host_with_faults_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    for number in (2, 10, 1):
        host = HostRecord(f"h{number}", number, "198.18.0.11", "0" * 32, None, Faults(loss_percent=5))
        (tmp_path / "hosts" / host.name).mkdir(parents=True)
        save(tmp_path / "hosts" / host.name, host)
    assert [host.name for host in load_hosts(tmp_path)] == ["h1", "h2", "h10"]
    assert load_hosts(tmp_path)[0].faults == Faults(loss_percent=5)


def test_a_process_is_not_another_one_with_its_pid() -> None:
    own = Process.of(os.getpid())
    assert own is not None
    assert own.alive
    assert not replace(own, started=own.started + 1).alive


def test_a_zombie_is_dead() -> None:
    with subprocess.Popen(["true"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert Process.of(child.pid) is None


def test_an_abandoned_lab_is_one_whose_owner_is_dead() -> None:
    own = Process.of(os.getpid())
    lab = LabRecord("x-1", "x", 0, own)
    assert not lab.abandoned
    assert not lab.detached().abandoned
    assert replace(lab, owner=Process(1, 12345678901)).abandoned


RULES = {
    "nothing wrong, nothing dropped": (Faults(), None),
    "a cut cable is not a matter of rules": (Faults(cable_cut=True), None),
    "cut from etcd": (Faults(etcd_cut=True), "ip daddr { 198.18.0.2, 198.18.0.3 } drop"),
    "some packets lost": (Faults(loss_percent=2.5), "numgen random mod 100000 < 2500 drop"),
    "all packets lost": (Faults(loss_percent=100), "drop"),
}


@pytest.mark.parametrize(("wrong", "rule"), RULES.values(), ids=RULES.keys())
def test_faults_become_rules(wrong: Faults, rule: str | None) -> None:
    assert faults.drops(wrong, ["198.18.0.2", "198.18.0.3"], "daddr") == ([rule] if rule else [])


def test_rules_replace_those_before_them() -> None:
    table = "table netdev fleet_lab_v_h1"
    assert faults.ruleset({"v-h1": []}).splitlines() == [table, f"delete {table}"]
    assert faults.ruleset({"v-h1": ["drop"]}).splitlines()[2:] == [
        f"{table} {{",
        "chain arriving {",
        'type filter hook ingress device "v-h1" priority 0; policy accept;',
        "drop",
        "}",
        "}",
    ]


CONF = {
    "a list": ("http://a:1,http://b:2", 'x="http://a:1,http://b:2"'),
    "signs that begin comments": ("a=b;c#d", 'x="a=b;c#d"'),
    "quotes inside": ('p"ss', "x='p\"ss'"),
    "nothing": ("", 'x=""'),
}


@pytest.mark.parametrize(("value", "line"), CONF.values(), ids=CONF.keys())
def test_options_are_written_so_that_fleet_reads_them_whole(value: str, line: str) -> None:
    assert fleet_conf({"x": value}) == f"{line}\n"


def test_only_what_a_host_would_not_see_is_bound(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    assert to_bind([Path("/"), Path("/etc")], hidden=()) == []
    assert to_bind([inner, tmp_path], hidden=(tmp_path,)) == [tmp_path]
    assert to_bind([Path("/proc")], hidden=()) == [Path("/proc")]


def test_a_table_is_as_wide_as_it_must_be() -> None:
    assert table(("A", "LONG"), [("abc", ""), ("d", "e")]) == "A    LONG\nabc\nd    e"


def test_trouble_is_said_in_words() -> None:
    assert trouble(Faults()) == "ok"
    assert trouble(Faults(True, True, 10, 2.5)) == "cable cut, cut from etcd, 10 ms late, 2.5 % lost"


def test_advice_names_the_lab_unless_it_is_the_usual_one() -> None:
    assert "FLEET_LAB" not in advice("default", ["h1"])
    assert "FLEET_LAB=x" in advice("x", ["h1", "h2"])


def test_a_failed_command_says_what_it_said() -> None:
    error = CommandFailed("h1", ("ls", "a b"), Result(2, "out", "no such file\n"))
    assert str(error) == "h1: `ls 'a b'` ended with 2: no such file"


async def test_waiting_ends_with_the_first_true_value() -> None:
    values = iter([0, "", None, 7])
    assert await wait_until(lambda: next(values), 1, "seven", interval=0) == 7


async def test_waiting_takes_errors_as_not_yet() -> None:
    tries: list[int] = []

    async def third_time() -> bool:
        tries.append(1)
        if len(tries) < 3:
            raise ConnectionError("not there")
        return True

    await wait_until(third_time, 1, "the third time", interval=0)
    assert len(tries) == 3


async def test_waiting_in_vain_says_for_what_and_what_was_seen() -> None:
    with pytest.raises(TimedOut, match=r"waited 0.01 s for godot; last seen: \[\]"):
        await wait_until(list, 0.01, "godot")


async def test_waiting_does_not_outlast_its_time_for_a_slow_answer() -> None:
    async with asyncio.timeout(5):
        with pytest.raises(TimedOut):
            await wait_until(lambda: asyncio.sleep(60), 0.01, "a slow answer")


async def test_waiting_in_vain_names_the_command_that_did_not_end() -> None:
    with pytest.raises(TimedOut, match=r"last seen: LabError.*`sleep 60` on this machine still running"):
        await wait_until(lambda: run("sleep", "60"), 0.2, "the end of a sleep")


async def test_of_several_things_done_together_the_first_error_is_raised_plain() -> None:
    async def fails() -> None:
        raise LabError("no")

    with pytest.raises(LabError, match="no"):
        await together(asyncio.sleep(60), fails())
