"""What is lost and what is not: hosts without power, cut cables, dead daemons, an etcd that goes away."""

import pytest

from fleetlab import wait_until
from tests.lab.cluster import QUICK, SLEEP, Cluster, cluster, service

pytestmark = pytest.mark.lab


def host_of(running: dict[str, list[str]], unit: str) -> str:
    (host,) = running[unit]
    return host


async def test_units_of_a_host_that_loses_power_start_elsewhere_and_no_other_unit_moves(
    fresh: Cluster,
) -> None:
    names = [f"u{i}.service" for i in range(6)]
    await fresh.start(dict.fromkeys(names, SLEEP))
    before = await fresh.running(*names)
    pids = {n: await fresh.pid(n, host_of(before, n)) for n in names}
    victim = "h2"
    await fresh[victim].pull_the_plug()
    after = await fresh.comes_to(dict.fromkeys(names, 1))
    for name in names:
        if before[name] == [victim]:
            assert after[name] != [victim]
        else:
            assert after[name] == before[name]
            assert await fresh.pid(name, host_of(after, name)) == pids[name], "nobody restarted it"
    assert all(victim not in on for on in (await fresh.shown()).values())


async def test_the_cluster_survives_the_host_whose_engine_leads(fresh: Cluster) -> None:
    await fresh.start({f"u{i}.service": SLEEP for i in range(3)})
    leader = await wait_until(fresh.leader, 60, "a leader")
    assert leader is not None
    await fresh[leader].pull_the_plug()
    await fresh.comes_to({f"u{i}.service": 1 for i in range(3)}, timeout=60)
    assert await fresh.leader() != leader


async def test_a_host_that_comes_back_gets_the_global_units_and_nothing_moves_to_it(fresh: Cluster) -> None:
    await fresh.start({"g.service": service("Global=true"), "a.service": SLEEP, "b.service": SLEEP})
    before = await fresh.comes_to({"g.service": 3, "a.service": 1, "b.service": 1})
    victim = host_of(before, "a.service")
    await fresh[victim].pull_the_plug()
    moved = await fresh.comes_to({"a.service": 1, "g.service": 2})
    await fresh[victim].boot()
    after = await fresh.comes_to({"g.service": 3})
    assert await fresh.running("a.service") == {"a.service": moved["a.service"]}
    assert victim in after["g.service"]


async def test_a_new_host_joins_and_takes_units_that_waited_for_it(fresh: Cluster) -> None:
    fresh.write({"web@.service": service("Conflicts=web@*.service")})
    await fresh.fleetctl("start", "--no-block", *(f"/root/web@{i}.service" for i in range(4)))
    await wait_until(lambda: _count_running(fresh, 3), 60, "three of four instances")
    added = await fresh.lab.add_host()
    await wait_until(lambda: _count_running(fresh, 4), 60, "the fourth instance")
    shown = await fresh.shown()
    assert [unit for unit, on in shown.items() if added.name in on] != []


async def _count_running(c: Cluster, count: int) -> bool:
    running = await c.running(*(f"web@{i}.service" for i in range(4)))
    return sum(len(on) for on in running.values()) == count


@pytest.mark.parametrize("way", ["kill -s KILL", "restart"])
async def test_a_killed_or_restarted_daemon_comes_back_and_its_units_do_not_notice(
    request: pytest.FixtureRequest, way: str
) -> None:
    async with cluster(request.node.name.replace(" ", "-"), config=QUICK | {"agent_ttl": "15s"}) as c:
        await c.start({"a.service": SLEEP, "g.service": service("Global=true")})
        running = await c.comes_to({"a.service": 1, "g.service": 3})
        host = host_of(running, "a.service")
        pids = [await c.pid(unit, host) for unit in ("a.service", "g.service")]
        await c[host].run("systemctl", *way.split(), "fleet.service")
        await c[host].wait_for_fleet(20)
        await wait_until(lambda: _knows(c, host), 60, "the states of the host")
        assert [await c.pid(unit, host) for unit in ("a.service", "g.service")] == pids
        assert await c.running("a.service") == {"a.service": [host]}


async def _knows(c: Cluster, host: str) -> bool:
    return (await c.shown(on=host)).get("g.service", {}).get(host) == "active"


async def test_stopping_the_daemon_hands_its_units_over_and_the_machine_leaves(fresh: Cluster) -> None:
    await fresh.start({"a.service": SLEEP})
    before = await fresh.comes_to({"a.service": 1})
    host = host_of(before, "a.service")
    await fresh[host].run("systemctl", "stop", "fleet.service")
    others = [h.name for h in fresh.hosts if h.name != host]
    listed = await fresh.fleetctl("list-machines", "--no-legend", on=others[0])
    assert len(listed.stdout.splitlines()) == 2
    after = await fresh.comes_to({"a.service": 1})
    assert after["a.service"] != before["a.service"]
    result = await fresh[host].run("systemctl", "show", "-P", "Result", "fleet.service")
    assert result.stdout.strip() == "success"


async def test_units_run_on_while_etcd_is_away_and_nothing_moves_when_it_is_back(fresh: Cluster) -> None:
    names = [f"u{i}.service" for i in range(6)]
    await fresh.start(dict.fromkeys(names, SLEEP))
    before = await fresh.running(*names)
    pids = {n: await fresh.pid(n, host_of(before, n)) for n in names}
    (member,) = fresh.lab.etcd.members
    await member.kill()
    refused = await fresh.fleetctl("list-machines", check=False)
    assert refused.exit_code == 1
    await member.start()
    for host in fresh.hosts:
        await host.wait_for_fleet(30)
    await fresh.start({"later.service": SLEEP})
    after = await fresh.running(*names)
    assert after == before
    assert {n: await fresh.pid(n, host_of(after, n)) for n in names} == pids


async def test_a_host_cut_off_from_etcd_keeps_its_units_running_there(fresh: Cluster) -> None:
    pinned = service(f"MachineID={fresh['h2'].machine_id}")
    await fresh.start({"pin.service": pinned})
    pid = await fresh.pid("pin.service", "h2")
    await fresh["h2"].cut_from_etcd()
    await wait_until(lambda: _machines(fresh, "h1", 2), 60, "the cut off machine to vanish")
    assert await fresh.pid("pin.service", "h2") == pid
    await fresh["h2"].heal_etcd()
    await wait_until(lambda: _machines(fresh, "h1", 3), 60, "the machine to come back")
    await fresh.comes_to({"pin.service": ["h2"]})


async def _machines(c: Cluster, on: str, count: int) -> bool:
    listed = await c.fleetctl("list-machines", "--no-legend", on=on)
    return len(listed.stdout.splitlines()) == count


async def test_a_unit_of_a_cut_off_host_moves_and_runs_once_when_the_host_is_back(fresh: Cluster) -> None:
    await fresh.start({"a.service": SLEEP, "b.service": SLEEP, "c.service": SLEEP})
    before = await fresh.running("a.service", "b.service", "c.service")
    host = host_of(before, "a.service")
    await fresh[host].cut_from_etcd()
    await fresh.comes_to({"a.service": 2})
    await fresh[host].heal_etcd()
    after = await fresh.comes_to(
        {"a.service": 1, "b.service": before["b.service"], "c.service": before["c.service"]}
    )
    assert after["a.service"] != [host]


async def test_losing_one_of_three_etcd_members_goes_unnoticed(request: pytest.FixtureRequest) -> None:
    async with cluster(request.node.name, etcd_members=3) as c:
        await c.start({"a.service": SLEEP})
        await c.lab.etcd.members[0].kill()
        await c.start({"b.service": SLEEP})
        assert len(await c.comes_to({"a.service": 1, "b.service": 1})) == 2
