"""The way of a unit on three real hosts: from a file to a process, and back."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from fleetlab import wait_until
from tests.lab.cluster import SLEEP, Cluster, service

pytestmark = [pytest.mark.lab, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def c(shared: Cluster) -> AsyncIterator[Cluster]:
    """The shared cluster, empty again after each test."""
    yield shared
    files = (await shared.fleetctl("list-unit-files", "--no-legend", "--fields=unit")).stdout.split()
    if files:
        await shared.fleetctl("destroy", *files)


async def test_every_host_shows_all_machines_with_address_and_metadata(c: Cluster) -> None:
    expected = {h.machine_id: h.address for h in c.lab.hosts}
    for host in ("h1", "h2", "h3"):
        listed = await c.fleetctl("list-machines", "--full", "--no-legend", on=host)
        rows = [line.split() for line in listed.stdout.splitlines()]
        assert {id: ip for id, ip, _ in rows} == expected
        assert {id: metadata for id, _, metadata in rows}[c["h1"].machine_id] == "disk=ssd,zone=a"


async def test_a_submitted_unit_is_known_everywhere_and_runs_nowhere(c: Cluster) -> None:
    await c.fleetctl("submit", *c.write({"a.service": "# a comment\n" + SLEEP}))
    assert (await c.fleetctl("cat", "a", on="h3")).stdout == SLEEP
    listed = await c.fleetctl("list-unit-files", "--no-legend", "--fields=unit,dstate,state,target", on="h2")
    assert listed.stdout.split() == ["a.service", "inactive", "inactive", "-"]
    assert await c.running("a.service") == {"a.service": []}


async def test_a_loaded_unit_is_linked_on_one_host_but_not_started(c: Cluster) -> None:
    await c.fleetctl("load", *c.write({"a.service": SLEEP}))
    ((host, active),) = (await c.shown())["a.service"].items()
    assert active == "inactive"
    enabled = await c[host].run("systemctl", "is-enabled", "a.service", check=False)
    assert enabled.stdout.strip() == "linked-runtime"


async def test_start_stop_unload_destroy_each_do_what_they_say(c: Cluster) -> None:
    started = await c.start({"a.service": SLEEP})
    running = await c.running("a.service")
    (host,) = running["a.service"]
    machine = c[host].machine_id[:8]
    assert started.stdout.splitlines()[-1] == f"Unit a.service launched on {machine}.../{c[host].address}"

    await c.fleetctl("stop", "a.service")
    assert await c.running("a.service") == {"a.service": []}
    assert (await c.shown())["a.service"] == {host: "inactive"}

    await c.fleetctl("unload", "a.service")
    assert "a.service" not in await c.shown()
    status = await c[host].run("systemctl", "cat", "a.service", check=False)
    assert status.exit_code != 0, "systemd no longer knows it"

    await c.fleetctl("destroy", "a.service")
    assert (await c.fleetctl("list-unit-files", "--no-legend")).stdout == ""


async def test_after_destroy_the_same_name_starts_again_with_other_content(c: Cluster) -> None:
    for seconds in ("1001", "1002", "1003"):
        await c.start({"a.service": service(exec=f"/bin/sleep {seconds}")})
        ((host,),) = (await c.running("a.service")).values()
        shown = await c[host].run("systemctl", "show", "-P", "ExecStart", "a.service")
        assert f"sleep {seconds}" in shown.stdout
        await c.fleetctl("destroy", "a.service")
        assert await c.running("a.service") == {"a.service": []}


async def test_many_units_in_one_command_spread_evenly(c: Cluster) -> None:
    await c.start({f"u{i}.service": SLEEP for i in range(12)})
    running = await c.running(*(f"u{i}.service" for i in range(12)))
    per_host = [sum(on == [h] for on in running.values()) for h in ("h1", "h2", "h3")]
    # On a busy machine a host may miss the window of a bid, and gets one fewer.
    assert max(per_host) - min(per_host) <= 2


async def test_a_unit_pinned_by_machine_id_runs_there(c: Cluster) -> None:
    await c.start({"pin.service": service(f"MachineID={c['h2'].machine_id}")})
    assert await c.running("pin.service") == {"pin.service": ["h2"]}


async def test_metadata_decide_where_a_unit_runs_and_without_a_match_it_waits(c: Cluster) -> None:
    await c.start({"ssd.service": service("MachineMetadata=disk=ssd")})
    assert await c.running("ssd.service") == {"ssd.service": ["h1"]}
    gpu = {"gpu.service": service("MachineMetadata=gpu=yes")}
    waited = await c.start(gpu, "--block-attempts=1", check=False)
    assert waited.exit_code != 0
    assert "gpu.service" not in await c.shown()


async def test_metadata_from_the_instance_name_place_each_instance(c: Cluster) -> None:
    await c.fleetctl("submit", *c.write({"z@.service": service("MachineMetadata=zone=%i")}))
    await c.fleetctl("start", "z@a", "z@b", "z@c")
    expected = {"z@a.service": ["h1"], "z@b.service": ["h2"], "z@c.service": ["h3"]}
    assert await c.running(*expected) == expected


async def test_conflicting_instances_run_on_different_hosts_and_the_fourth_waits(c: Cluster) -> None:
    c.write({"web@.service": service("Conflicts=web@*.service")})
    names = [f"web@{i}.service" for i in (1, 2, 3, 4)]
    await c.fleetctl("start", "--no-block", *(f"/root/{n}" for n in names))
    running = await c.comes_to({names[0]: 1, names[1]: 1, names[2]: 1})
    assert sorted(on[0] for on in running.values()) == ["h1", "h2", "h3"]
    await c.fleetctl("destroy", names[1])
    await c.comes_to({names[3]: running[names[1]]})


async def test_a_replaced_unit_moves_and_no_other_is_restarted(c: Cluster) -> None:
    await c.start({"old.service": SLEEP, "by.service": service(f"MachineID={c['h2'].machine_id}")})
    ((first,),) = (await c.running("old.service")).values()
    pid = await c.pid("by.service", "h2")
    zone = {"h1": "a", "h2": "b", "h3": "c"}[first]
    await c.start({"new.service": service(f"MachineMetadata=zone={zone}", "Replaces=old.service")})

    async def has_moved() -> bool:
        return (await c.running("old.service"))["old.service"] not in ([], [first])

    await wait_until(has_moved, 60, "the replaced unit to run elsewhere")
    await c.comes_to({"new.service": [first], "old.service": 1, "by.service": ["h2"]})
    assert await c.pid("by.service", "h2") == pid


async def test_a_sidekick_starts_on_the_host_of_its_peer(c: Cluster) -> None:
    sidekick = "[Unit]\nBindsTo=main.service\nAfter=main.service\n\n" + service("MachineOf=main.service")
    await c.start({"other.service": SLEEP, "side.service": sidekick, "main.service": SLEEP})
    running = await c.running("main.service", "side.service")
    assert running["side.service"] == running["main.service"] != []


async def test_a_global_unit_runs_on_every_host_and_stops_everywhere(c: Cluster) -> None:
    await c.start({"g.service": service("Global=true")})
    await c.comes_to({"g.service": 3})
    assert (await c.shown())["g.service"] == {"h1": "active", "h2": "active", "h3": "active"}
    await c.fleetctl("destroy", "g.service")
    await c.comes_to({"g.service": 0})


async def test_replacing_a_running_unit_runs_the_new_content(c: Cluster) -> None:
    await c.start({"a.service": service(exec="/bin/sleep 1001")})
    await c.start({"a.service": service(exec="/bin/sleep 1002")}, "--replace")
    running = await c.comes_to({"a.service": 1})
    shown = await c[running["a.service"][0]].run("systemctl", "show", "-P", "ExecStart", "a.service")
    assert "sleep 1002" in shown.stdout


async def test_status_and_journal_of_a_unit_on_this_host_come_from_systemd(c: Cluster) -> None:
    said = service(f"MachineID={c['h1'].machine_id}", exec="/bin/sh -c 'echo hello; exec sleep infinity'")
    await c.start({"talk.service": said})
    status = await c.fleetctl("status", "talk", on="h1")
    assert "Active: active (running)" in status.stdout
    assert "hello" in (await c.fleetctl("journal", "talk", on="h1")).stdout


async def test_fleetctl_works_over_a_tcp_endpoint_of_another_host(c: Cluster) -> None:
    endpoint = f"--endpoint=http://{c['h3'].address}:49153"
    listed = await c.fleetctl(endpoint, "list-machines", "--no-legend", on="h1")
    assert len(listed.stdout.splitlines()) == 3


async def test_a_failing_unit_is_shown_as_failed_not_as_running(c: Cluster) -> None:
    # A oneshot: of a simple service systemd says active until its process has ended, and start may see that.
    bad = service(exec="/bin/false", more="Type=oneshot\n")
    started = await c.start({"bad.service": bad}, check=False)
    assert started.exit_code == 1
    assert "unit bad.service failed on" in started.stderr
    ((_, active),) = (await c.shown())["bad.service"].items()
    assert active == "failed"
