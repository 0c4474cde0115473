"""A host that comes back, or leaves in order: its units stop there late enough, or are not touched."""

import pytest

from fleetlab import Host, wait_until
from tests.lab.cluster import Cluster, service

pytestmark = pytest.mark.lab

SLOW = service(
    exec="/bin/sh -c 'date +%%s.%%N >/var/lib/started; exec sleep infinity'",
    more="ExecStartPre=/bin/sleep 4\nExecStopPost=/bin/sh -c 'date +%%s.%%N >/var/lib/stopped'\n",
)


async def test_a_moved_unit_stops_only_when_its_copy_is_active_and_the_others_keep_their_processes(
    fresh: Cluster,
) -> None:
    pinned = {h.name: service(f"MachineID={h.machine_id}") for h in fresh.hosts}
    await fresh.start({"slow.service": SLOW} | {f"pin-{name}.service": text for name, text in pinned.items()})
    ((old,),) = (await fresh.comes_to({"slow.service": 1})).values()
    pid = await fresh.pid(f"pin-{old}.service", old)
    await fresh[old].cut_from_etcd()
    new = await wait_until(lambda: _starting(fresh, old), 60, "the unit to be started elsewhere")
    assert new is not None
    await fresh[old].heal_etcd()
    await fresh[old].wait_for_fleet(20)
    await fresh.comes_to({"slow.service": [new]})
    assert await _time(fresh[new], "started") < await _time(fresh[old], "stopped")
    assert await fresh.pid(f"pin-{old}.service", old) == pid


async def test_a_unit_that_starts_first_elsewhere_is_never_down_while_its_host_is_stopped(
    fresh: Cluster,
) -> None:
    await fresh.start({"slow.service": SLOW + "\n[X-Fleet]\nHandover=start-first\n"})
    ((old,),) = (await fresh.comes_to({"slow.service": 1})).values()
    await fresh[old].run("systemctl", "stop", "fleet.service", timeout=60)
    ((new,),) = (await fresh.running("slow.service")).values()
    assert new != old
    assert await _time(fresh[new], "started") < await _time(fresh[old], "stopped")
    result = await fresh[old].run("systemctl", "show", "-P", "Result", "fleet.service")
    assert result.stdout.strip() == "success"


async def _starting(c: Cluster, old: str) -> str | None:
    """The other host that is about to start the slow unit."""
    for host in c.hosts:
        said = await host.run("systemctl", "is-active", "slow.service", check=False)
        if host.name != old and said.stdout.strip() == "activating":
            return host.name
    return None


async def _time(host: Host, event: str) -> float:
    return float((await host.run("cat", f"/var/lib/{event}")).stdout)
