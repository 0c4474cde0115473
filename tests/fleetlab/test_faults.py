"""What can go wrong with a network and with etcd, done on purpose and undone."""

import asyncio

import pytest

from fleetlab import Host, Lab, LabError, TimedOut, http, wait_until
from fleetlab.errors import CommandFailed

pytestmark = pytest.mark.lab

CONNECT = """
import socket, sys, time
began = time.monotonic()
socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=float(sys.argv[3]))
print(time.monotonic() - began)
"""
TALK = """
import socket, sys, time
s = socket.create_connection((sys.argv[1], 2379), timeout=5)
open("/run/connected", "w").close()
while True:
    s.sendall(b"GET /health HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    if not s.recv(4096):
        break
    with open("/run/answers", "a") as out:
        out.write("+")
    time.sleep(0.02)
"""


FETCH = """
import sys, urllib.request
print(len(urllib.request.urlopen(sys.argv[1], timeout=5).read()))
"""


async def seconds_to(host: Host, address: str, port: int = 22) -> float:
    """How long a host takes to connect; what it takes to ask for the way is not counted."""
    assert await reaches(host, address, port, patience=5)
    return float((await host.run("python3", "-c", CONNECT, address, str(port), "5")).stdout)


async def reaches(host: Host, address: str, port: int = 22, patience: float = 0.5) -> bool:
    done = await host.run("python3", "-c", CONNECT, address, str(port), str(patience), check=False)
    return done.exit_code == 0


async def test_a_cut_cable_cuts_everything_and_heals() -> None:
    async with Lab(hosts=2, ssh=True) as lab:
        one, two = lab.hosts
        assert await reaches(one, two.address)
        await one.cut_cable()
        assert not await reaches(one, two.address)
        assert not await reaches(one, lab.etcd.members[0].address, 2379)
        await one.heal_cable()
        assert await reaches(one, two.address, patience=5)
        assert await reaches(one, lab.etcd.members[0].address, 2379, patience=5)


async def test_a_host_cut_from_etcd_still_reaches_the_others() -> None:
    async with Lab(hosts=2, ssh=True) as lab:
        one, two = lab.hosts
        member = lab.etcd.members[0].address
        await one.cut_from_etcd()
        assert not await reaches(one, member, 2379)
        assert await reaches(one, two.address)
        assert await reaches(two, member, 2379)
        await one.reboot()  # the fault is in the network, not in the host
        assert not await reaches(one, member, 2379)
        await one.heal_etcd()
        assert await reaches(one, member, 2379)


async def test_a_cut_from_etcd_silences_connections_that_stand() -> None:
    async with Lab(hosts=1) as lab:
        host = lab["h1"]
        host.write("/opt/talk.py", TALK)
        member = lab.etcd.members[0].address
        await host.run("systemd-run", "--unit=talk", "python3", "/opt/talk.py", member)
        await answers_more_than(host, 5)
        await host.cut_from_etcd()
        said = len(host.read("/run/answers"))
        with pytest.raises(TimedOut):
            await answers_more_than(host, said + 1, timeout=0.5)
        assert (await host.run("systemctl", "is-active", "talk")).stdout == "active\n"
        await host.heal_etcd()
        await answers_more_than(host, said + 1)


async def answers_more_than(host: Host, count: int, timeout: float = 5) -> None:
    await wait_until(lambda: len(host.read("/run/answers")) > count, timeout, f"more than {count} answers")


async def test_packets_get_lost_as_asked() -> None:
    async with Lab(hosts=2, etcd_members=0, ssh=True) as lab:
        one, two = lab.hosts
        await one.impair(loss_percent=100)
        assert not await reaches(one, two.address)
        assert not await reaches(two, one.address)
        await one.impair()
        assert await reaches(one, two.address, patience=5)
        with pytest.raises(LabError, match="loses 101 %"):
            await one.impair(loss_percent=101)


async def test_packets_come_late_as_asked() -> None:
    async with Lab(hosts=2, ssh=True) as lab:
        one, two = lab.hosts
        member = lab.etcd.members[0].address
        await one.impair(delay_ms=200)
        assert await seconds_to(one, two.address) > 0.2
        assert await seconds_to(two, one.address) > 0.2
        assert await seconds_to(two, member, 2379) < 0.1
        await one.cut_from_etcd()
        assert not await reaches(one, member, 2379, patience=1)
        await one.heal_etcd()
        one.write("/srv/large", "0123456789" * 300_000)
        await one.run("systemd-run", "python3", "-m", "http.server", "8000", "--directory", "/srv")
        large = f"http://{one.address}:8000/large"
        got = await wait_until(lambda: two.run("python3", "-c", FETCH, large), 10, "a large answer")
        assert got.stdout.strip() == "3000000"
        await one.reboot()
        assert await seconds_to(one, two.address) > 0.2
        await one.heal()
        assert await seconds_to(one, two.address) < 0.1


async def test_one_of_three_members_may_fail_but_not_two() -> None:
    async with Lab(hosts=0, etcd_members=3) as lab:
        first, second, third = lab.etcd.members
        await lab.etcd.ctl("put", "x", "1")
        await first.kill()
        assert not first.alive
        await wait_until(lambda: put(lab, "2"), 20, "two members to go on")
        await second.pause()
        assert second.alive
        with pytest.raises(CommandFailed):
            await put(lab, "3")
        await second.resume()
        await first.start()
        await wait_until(lambda: put(lab, "4"), 20, "three members to go on")
        assert (await lab.etcd.ctl("get", "--print-value-only", "x")).strip() == "4"
        assert third.alive


async def put(lab: Lab, value: str) -> str:
    return await lab.etcd.ctl("--command-timeout=500ms", "put", "x", value)


async def test_etcd_takes_flags_and_serves_through_a_proxy() -> None:
    async with Lab(hosts=0, etcd_args=["--max-txn-ops=7", "--enable-v2"]) as lab:
        member = lab.etcd.members[0]
        assert lab.etcd.endpoints == [f"http://{member.address}:2379"]
        async with lab.tcp_proxy("m1", 2379) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            status, body = await http.get(reader, writer, "/v2/keys/", timeout=5)
        assert status == 200, body
