"""The life of fleetd on a host: what systemd hears of it, restarts that nobody notices, handing over."""

import asyncio

import pytest

from fleetlab import wait_until
from tests.lab.cluster import QUICK, SLEEP, Cluster, cluster

pytestmark = pytest.mark.lab

PATIENT = QUICK | {"agent_ttl": "15s", "engine_reconcile_interval": "2"}
"""Leases that outlast a daemon that is killed: 15 s, and 10 s for the leader."""


async def property_of(c: Cluster, host: str, name: str) -> str:
    """A property of fleet.service, as systemd shows it."""
    return (await c[host].run("systemctl", "show", "-P", name, "fleet.service")).stdout.strip()


async def host_of(c: Cluster, unit: str) -> str:
    ((host,),) = (await c.comes_to({unit: 1})).values()
    return host


async def status_of(c: Cluster, host: str, path: str) -> int:
    """The HTTP status of a path on a host's socket."""
    got = await c[host].run(
        "curl",
        "-s",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "--unix-socket",
        "/run/fleet.sock",
        f"http://fleet{path}",
        check=False,
    )
    return int(got.stdout)


async def test_systemctl_status_says_what_the_daemon_does(shared: Cluster) -> None:
    await shared.start({"status.service": SLEEP})
    host = await host_of(shared, "status.service")

    async def said() -> str | None:
        text = await property_of(shared, host, "StatusText")
        return text if "1 unit · etcd ok" in text else None

    text = await wait_until(said, 60, "the status line")
    assert text in ("leader · 1 unit · etcd ok", "member · 1 unit · etcd ok")
    assert await property_of(shared, host, "Type") == "notify"
    leader = await wait_until(shared.leader, 60, "a leader")
    assert leader is not None
    assert (await property_of(shared, leader, "StatusText")).startswith("leader · ")
    await shared.fleetctl("destroy", "status.service")


@pytest.mark.parametrize("way", ["restart", "kill -s KILL"])
async def test_a_restarted_leader_leads_on_and_its_host_never_leaves(
    request: pytest.FixtureRequest, way: str
) -> None:
    async with cluster(request.node.name.replace(" ", "-"), hosts=2, config=PATIENT) as c:
        await c.start({"a.service": SLEEP, "b.service": SLEEP})
        leader = await wait_until(c.leader, 60, "a leader")
        assert leader is not None
        other = next(host.name for host in c.hosts if host.name != leader)
        on = {unit: await host_of(c, unit) for unit in ("a.service", "b.service")}
        pids = {unit: await c.pid(unit, host) for unit, host in on.items()}
        missing: list[object] = []
        watching = asyncio.create_task(_watch_machines(c, other, missing))
        began = asyncio.get_running_loop().time()
        await c[leader].run("systemctl", *way.split(), "fleet.service")
        await wait_until(lambda: _answers(c, leader), 60, "the API of the restarted daemon")
        took = asyncio.get_running_loop().time() - began
        await c.start({"c.service": SLEEP})
        if way != "restart":
            assert await c.leader() == leader
        watching.cancel()
        assert missing == []
        assert {unit: await c.pid(unit, host) for unit, host in on.items()} == pids
        print(f"{way}: the API answered again after {took:.2f} s")


async def _answers(c: Cluster, host: str) -> bool:
    return await status_of(c, host, "/fleet/v1/machines") == 200


async def _watch_machines(c: Cluster, on: str, missing: list[object]) -> None:
    while True:
        machines = (await c.api("machines", on=on)).get("machines")
        if not isinstance(machines, list) or len(machines) != len(c.hosts):
            missing.append(machines)
        await asyncio.sleep(0.05)  # as often as somebody might look


async def test_a_stop_hands_over_within_its_time_and_counts_as_success(fresh: Cluster) -> None:
    slow = SLEEP + "ExecStop=/bin/sleep 3\n"
    await fresh.start({"slow.service": slow, "quick.service": SLEEP})
    host = await host_of(fresh, "slow.service")
    await fresh[host].run("systemctl", "stop", "fleet.service")
    moved = await fresh.comes_to({"slow.service": 1, "quick.service": 1})
    assert host not in moved["slow.service"] + moved["quick.service"]
    assert await property_of(fresh, host, "Result") == "success"
    assert await property_of(fresh, host, "ActiveState") == "inactive"
    other = next(one.name for one in fresh.hosts if one.name != host)
    machines = (await fresh.api("machines", on=other))["machines"]
    assert isinstance(machines, list)
    assert fresh[host].machine_id not in [machine["id"] for machine in machines]


async def test_a_reload_keeps_the_listeners_the_process_and_the_units(shared: Cluster) -> None:
    host = shared.hosts[0].name
    pid = await property_of(shared, host, "MainPID")
    conf = shared[host].read("/etc/fleet/fleet.conf")
    shared[host].write("/etc/fleet/fleet.conf", conf.replace("disk=ssd", "disk=nvme"))
    events = asyncio.create_task(
        shared[host].run(
            "curl",
            "-sN",
            "--max-time",
            "5",
            "--unix-socket",
            "/run/fleet.sock",
            "http://f/fleet/v1/events",
            check=False,
        )
    )
    await wait_until(lambda: _listens(shared, host), 60, "somebody who listens")
    await shared[host].run("systemctl", "reload", "fleet.service")
    heard = (await events).stdout
    assert '"disk":"nvme"' in heard.partition("event: machine")[2], heard
    assert await property_of(shared, host, "MainPID") == pid
    shared[host].write("/etc/fleet/fleet.conf", conf)
    await shared[host].run("systemctl", "reload", "fleet.service")


async def _listens(c: Cluster, host: str) -> bool:
    got = await c[host].run("curl", "-s", "--unix-socket", "/run/fleet.sock", "http://f/metrics")
    return 'handler="events"' in got.stdout


async def test_a_daemon_that_hangs_is_started_again_and_its_units_do_not_notice(
    request: pytest.FixtureRequest,
) -> None:
    async with cluster(request.node.name, hosts=2, config=PATIENT) as c:
        await c.start({"a.service": SLEEP})
        host = await host_of(c, "a.service")
        pid = await c.pid("a.service", host)
        c[host].write("/etc/systemd/system/fleet.service.d/20-watchdog.conf", "[Service]\nWatchdogSec=2s\n")
        await c[host].run("systemctl", "daemon-reload")
        await c[host].run("systemctl", "restart", "fleet.service")
        await wait_until(lambda: _answers(c, host), 60, "the API")
        daemon = await property_of(c, host, "MainPID")
        await c[host].run("kill", "-STOP", daemon)

        async def another() -> bool:
            return await property_of(c, host, "MainPID") not in ("0", daemon)

        await wait_until(another, 60, "another daemon")
        await wait_until(lambda: _answers(c, host), 60, "the API of another daemon")
        assert await c.pid("a.service", host) == pid


async def test_a_host_that_is_cut_off_says_so_and_keeps_its_units(fresh: Cluster) -> None:
    await fresh.start({"g.service": SLEEP + "[X-Fleet]\nGlobal=true\n"})
    await fresh.comes_to({"g.service": 3})
    pid = await fresh.pid("g.service", "h2")
    await fresh["h2"].cut_from_etcd()

    async def shut() -> bool:
        return await status_of(fresh, "h2", "/fleet/v1/units") == 503

    await wait_until(shut, 60, "503")
    assert await status_of(fresh, "h2", "/healthz") == 200
    assert await status_of(fresh, "h2", "/readyz") == 503
    waits = wait_until(lambda: _status_says(fresh, "h2", "waiting: "), 60, "the status line")
    await waits
    await fresh["h2"].heal_etcd()
    await wait_until(lambda: _answers(fresh, "h2"), 60, "the API")
    assert await fresh.pid("g.service", "h2") == pid


async def _status_says(c: Cluster, host: str, words: str) -> bool:
    return words in await property_of(c, host, "StatusText")


async def test_a_host_boots_while_etcd_is_away(fresh: Cluster) -> None:
    await fresh["h3"].cut_from_etcd()
    await fresh["h3"].run("systemctl", "restart", "fleet.service")
    assert await property_of(fresh, "h3", "ActiveState") == "active"
    await wait_until(
        lambda: _status_says(fresh, "h3", "waiting: joining the cluster"), 60, "what it waits for"
    )
    await fresh["h3"].heal_etcd()
    await wait_until(lambda: _answers(fresh, "h3"), 60, "the API")


async def test_lines_in_the_journal_name_their_units(shared: Cluster) -> None:
    await shared.start({"named.service": SLEEP})
    host = await host_of(shared, "named.service")
    leader = await wait_until(shared.leader, 60, "a leader")
    assert leader is not None
    for name in {host, leader}:
        said = await shared[name].run(
            "journalctl", "-q", "-o", "cat", "UNIT=named.service", "_COMM=fleetd", check=False
        )
        assert "named.service" in said.stdout, name
    await shared.fleetctl("destroy", "named.service")
