"""The move from etcd v2 to etcd v3 as docs/MIGRATION.md walks through it, on real hosts."""

import pytest

from fleetlab import Host, Lab, together, wait_until
from fleetlab.install import fleet_conf
from tests.lab.cluster import JOURNALS, QUICK, SLEEP, Cluster, service

pytestmark = pytest.mark.lab


async def restarted(host: Host, lab: Lab, **options: str) -> None:
    """Give a host these options, and restart its daemon."""
    own = {"etcd_servers": ",".join(lab.etcd.endpoints), "public_ip": host.address, **QUICK}
    host.write("/etc/fleet/fleet.conf", fleet_conf(own | options))
    await host.run("systemctl", "restart", "fleet.service")
    await host.wait_for_fleet(30)


async def test_a_cluster_moves_from_etcd_v2_to_v3_and_no_unit_notices(request: pytest.FixtureRequest) -> None:
    names = [f"u{i}.service" for i in range(6)]
    async with Lab(hosts=3, etcd_args=["--enable-v2"]) as lab:
        await lab.install_fleet({**QUICK, "etcd_api": "2"})
        await lab.start_fleet()
        c = Cluster(lab)
        try:
            await together(*(host.wait_for_fleet(90) for host in lab.hosts))
            await c.start({**dict.fromkeys(names, SLEEP), "g.service": service("Global=true")})
            before = await c.comes_to({**dict.fromkeys(names, 1), "g.service": 3})
            pids = await _pids(c, before)
            for host in lab.hosts:
                await restarted(host, lab, etcd_api="2", disable_engine="true")
            migrate = ("--endpoint", lab.etcd.endpoints[0], "migrate", "--to", "etcd3")
            copied = await c.fleetctl(*migrate)
            assert "Verified" in copied.stderr
            for host in lab.hosts:
                await restarted(host, lab, etcd_api="3", disable_engine="true")
                await wait_until(lambda host=host: _shows(c, host.name, "g.service"), 60, "its units")  # type: ignore[misc]
            assert "0 units, 0 places" in (await c.fleetctl(*migrate)).stderr
            for host in lab.hosts:
                await restarted(host, lab, etcd_api="3")
            await wait_until(c.leader, 60, "a leader in etcd v3")
            await c.start({"later.service": SLEEP})
            after = await c.comes_to({**before, "later.service": 1})
            assert await _pids(c, {name: after[name] for name in before}) == pids, "nobody restarted them"
            refused = await c.fleetctl(*migrate, check=False)
            assert refused.exit_code == 1
            assert "leads in the store that is copied to" in refused.stderr
            healthy = await c.fleetctl("doctor")
            assert "All is well: 3 machines, 8 units, 1 etcd servers" in healthy.stderr
        finally:
            await lab.collect_journals(JOURNALS / request.node.name)


async def _pids(c: Cluster, running: dict[str, list[str]]) -> dict[tuple[str, str], int]:
    return {(unit, host): await c.pid(unit, host) for unit, hosts in running.items() for host in hosts}


async def _shows(c: Cluster, host: str, unit: str) -> bool:
    return (await c.shown(on=host)).get(unit, {}).get(host) == "active"
