"""Backup, restore and doctor against fleetd on real hosts."""

import pytest

from tests.lab.cluster import SLEEP, Cluster, service

pytestmark = pytest.mark.lab


async def test_units_that_were_destroyed_run_again_after_a_restore(fresh: Cluster) -> None:
    await fresh.start({"a.service": SLEEP, "g.service": service("Global=true")})
    await fresh.comes_to({"a.service": 1, "g.service": 3})
    await fresh.fleetctl("backup", "/root/kept.json")
    await fresh.fleetctl("destroy", "a", "g")
    await fresh.comes_to({"a.service": 0, "g.service": 0})
    restored = await fresh.fleetctl("restore", "/root/kept.json")
    assert restored.stdout == "Unit a.service created, launched\nUnit g.service created, launched\n"
    running = await fresh.comes_to({"a.service": 1, "g.service": 3})
    pid = await fresh.pid("a.service", running["a.service"][0])
    again = await fresh.fleetctl("restore", "/root/kept.json")
    assert again.stdout == ""
    assert await fresh.pid("a.service", running["a.service"][0]) == pid


async def test_doctor_finds_a_foreign_record_which_hinders_nobody(fresh: Cluster) -> None:
    assert (await fresh.fleetctl("doctor")).stdout == ""
    await fresh.lab.etcd.ctl("put", "/_coreos.com/fleet/job/x.service", "rubbish")
    sick = await fresh.fleetctl("doctor", check=False)
    assert sick.exit_code == 1
    assert sick.stdout.startswith("record /_coreos.com/fleet/job/x.service: is no JSON")
    assert len(sick.stdout.splitlines()) == 1
    await fresh.start({"a.service": SLEEP})
    await fresh.lab.etcd.ctl("del", "/_coreos.com/fleet/job/x.service")
    assert (await fresh.fleetctl("doctor")).exit_code == 0
