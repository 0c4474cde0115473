"""Drop-ins on real hosts: with a unit they arrive, count, change, move and leave."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from fleetlab import wait_until
from tests.lab.cluster import QUICK, SLEEP, Cluster, cluster, service

pytestmark = [pytest.mark.lab, pytest.mark.asyncio(loop_scope="module")]

LIMITS = "[Service]\nType=exec\nMemoryMax={}M\nEnvironment=LIMIT={}\n"
"""The unit is active once its process is its own program, with its own environment."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def patient() -> AsyncIterator[Cluster]:
    """Three hosts whose leases outlive a restart of fleetd on a busy machine."""
    async with cluster("dropins", config={**QUICK, "agent_ttl": "60s"}) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def c(patient: Cluster) -> AsyncIterator[Cluster]:
    """The cluster, empty again after each test."""
    yield patient
    files = (await patient.fleetctl("list-unit-files", "--no-legend", "--fields=unit")).stdout.split()
    if files:
        await patient.fleetctl("destroy", *files)
    for host in patient.hosts:
        await host.run("sh", "-c", "rm -rf /root/*.service /root/*.d")


def limits(megabytes: int) -> dict[str, str]:
    """A unit `a.service` that has its limit from a drop-in."""
    return {"a.service": SLEEP, "a.service.d/10-limits.conf": LIMITS.format(megabytes, megabytes)}


async def start(c: Cluster, files: dict[str, str], *flags: str, unit: str = "a.service") -> str:
    """Write the files and start the unit; returns the host that it runs on."""
    c.write(files)
    await c.fleetctl("start", *flags, f"/root/{unit}")
    ((host,),) = (await c.comes_to({unit: 1})).values()
    return host


async def limit(c: Cluster, host: str, unit: str = "a.service") -> list[str]:
    """What the drop-in sets, as systemd and the process have it."""
    shown = await c[host].run("systemctl", "show", "-P", "MemoryMax", unit)
    environ = await c[host].run("sh", "-c", f"tr '\\0' '\\n' < /proc/{await c.pid(unit, host)}/environ")
    given = [line for line in environ.stdout.splitlines() if line.startswith("LIMIT=")]
    return [str(int(shown.stdout) >> 20), *given]


async def traces(c: Cluster, name: str = "a.service") -> list[str]:
    """All files of the unit on all hosts."""
    command = f"find /run/fleet /run/systemd/system /run/systemd/transient -name '{name}*'"
    found = [await host.run("sh", "-c", f"{command} 2>/dev/null || true") for host in c.hosts]
    return [line for one in found for line in one.stdout.splitlines()]


async def test_a_drop_in_is_in_effect_where_the_unit_runs_and_leaves_with_it(c: Cluster) -> None:
    host = await start(c, limits(50))
    assert await limit(c, host) == ["50", "LIMIT=50"]
    assert (
        "DropIn" not in (await c[host].run("journalctl", "-b", "--grep=Unknown section", check=False)).stdout
    )
    await c.fleetctl("destroy", "a")
    assert await c.running("a.service") == {"a.service": []}

    async def gone() -> bool:
        return await traces(c) == []

    await wait_until(gone, 60, "no trace of the unit on any host")


async def test_a_change_of_the_drop_in_alone_replaces_the_unit(c: Cluster) -> None:
    host = await start(c, limits(50))
    before = await c.pid("a.service", host)
    c.write(limits(60))
    differs = await c.fleetctl("diff", "/root/a.service", check=False)
    assert {"-MemoryMax=50M", "+MemoryMax=60M"} <= set(differs.stdout.splitlines())
    assert "differs from local unit file" in (await c.fleetctl("start", "/root/a.service")).stderr
    host = await start(c, limits(60), "--replace")
    assert await limit(c, host) == ["60", "LIMIT=60"]
    assert await c.pid("a.service", host) != before


async def test_drop_ins_move_with_their_unit(c: Cluster) -> None:
    files = {**limits(50), "a.service": service("Replaces=b.service")}
    first = await start(c, files)
    await c.fleetctl("stop", "a.service")
    machine = next(host for host in c.hosts if host.name != first)
    pinned = {
        **limits(50),
        "a.service.d/20-there.conf": f"[X-Fleet]\nReplaces=\nMachineID={machine.machine_id}\n",
    }
    second = await start(c, pinned, "--replace")
    assert second == machine.name
    assert await limit(c, second) == ["50", "LIMIT=50"]
    assert not [
        line for line in (await c[first].run("ls", "/run/systemd/system")).stdout.split() if "a.s" in line
    ]


async def test_instances_on_several_hosts_have_those_of_their_template(c: Cluster) -> None:
    template = {
        "web@.service": service("Conflicts=web@*.service"),
        "web@.service.d/10-limits.conf": LIMITS.format(50, "%i"),
        "web@2.service.d/10-limits.conf": LIMITS.format(60, "own-%i"),
    }
    c.write(template)
    await c.fleetctl("submit", "/root/web@.service")
    names = ["web@1.service", "web@2.service"]
    await c.fleetctl("start", *(f"/root/{name}" for name in names))
    running = await c.comes_to(dict.fromkeys(names, 1))
    assert await limit(c, running[names[0]][0], names[0]) == ["50", "LIMIT=1"]
    assert await limit(c, running[names[1]][0], names[1]) == ["60", "LIMIT=own-2"]


async def test_what_was_tampered_with_while_fleetd_was_down_is_mended(c: Cluster) -> None:
    host = await start(c, limits(50))
    drop_in = "/run/systemd/system/a.service.d/10-limits.conf"
    await c[host].run("systemctl", "kill", "--kill-who=all", "--signal=KILL", "fleet.service")
    await c[host].run("systemctl", "stop", "fleet.service")
    await c[host].run("sh", "-c", f"sed -i s/50/70/ {drop_in} && systemctl daemon-reload")
    assert (await limit(c, host))[0] == "70"
    await c[host].run("systemctl", "start", "fleet.service")

    async def mended() -> bool:
        return [host] == (await c.running("a.service"))["a.service"] and await limit(c, host) == [
            "50",
            "LIMIT=50",
        ]

    await wait_until(mended, 60, "the drop-in as the cluster has it")
    assert (await c[host].run("cat", drop_in)).stdout == LIMITS.format(50, 50)


async def test_a_restart_of_fleetd_leaves_a_unit_with_drop_ins_alone(c: Cluster) -> None:
    host = await start(c, limits(50))
    before = await c.pid("a.service", host)
    await c[host].run("systemctl", "restart", "fleet.service")
    await c[host].wait_for_fleet(20)
    await c.fleetctl("list-units", on=host)
    assert await c.running("a.service") == {"a.service": [host]}
    assert await c.pid("a.service", host) == before


async def test_a_host_that_has_a_drop_in_of_that_name_keeps_it_and_the_reason_is_told(c: Cluster) -> None:
    own = "/run/systemd/system/a.service.d/10-limits.conf"
    pinned = service(f"MachineID={c['h2'].machine_id}")
    await c["h2"].run("sh", "-c", f"mkdir -p {own.rpartition('/')[0]} && echo '[Unit]' > {own}")
    c.write({**limits(50), "a.service": pinned})
    failed = await c.fleetctl("start", "--block-attempts=5", "/root/a.service", check=False)
    assert failed.exit_code
    reports = await c.lab.etcd.ctl("get", "--prefix", "/_coreos.com/fleet/state/", "--print-value-only")
    assert f"could not write {own}: a drop-in that is not fleet's is there already" in reports
    assert (await c["h2"].run("cat", own)).stdout == "[Unit]\n"
    await c["h2"].run("rm", "-r", own.rpartition("/")[0])
    await c.comes_to({"a.service": ["h2"]})
