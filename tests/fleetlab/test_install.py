"""fleet on hosts, with a stand-in for its daemon: what matters here is how it gets there."""

import asyncio

import pytest

from fleetlab import Host, Lab, http

pytestmark = pytest.mark.lab

STAND_IN = """\
import os, socket, threading

def serve(listener):
    while True:
        connection, _ = listener.accept()
        connection.recv(4096)
        connection.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n" + open("/etc/fleet/fleet.conf", "rb").read())
        connection.close()

for fd in range(3, 3 + int(os.environ["LISTEN_FDS"])):
    threading.Thread(target=serve, args=(socket.socket(fileno=fd),)).start()
"""
DROP_IN = "[Service]\nType=exec\nExecStart=\nExecStart=/usr/bin/python3 /opt/stand-in.py\n"


def stand_in(host: Host) -> None:
    host.write("/opt/stand-in.py", STAND_IN)
    host.write("/etc/systemd/system/fleet.service.d/90-stand-in.conf", DROP_IN)


async def test_fleet_is_configured_started_and_there_after_a_reboot() -> None:
    async with Lab(hosts=2) as lab:
        for host in lab.hosts:
            stand_in(host)
        await lab.install_fleet({"agent_ttl": "3s"}, {"h2": {"metadata": "disk=ssd,role=web"}})
        await lab.start_fleet()
        await asyncio.gather(*(host.wait_for_fleet() for host in lab.hosts))
        first, second = lab.hosts
        assert first.read("/etc/fleet/fleet.conf").splitlines() == [
            f'etcd_servers="{lab.etcd.endpoints[0]}"',
            f'public_ip="{first.address}"',
            'agent_ttl="3s"',
        ]
        async with lab.tcp_proxy("h2", 49153) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            status, body = await http.get(reader, writer, "/", timeout=5)
        assert (status, 'metadata="disk=ssd,role=web"' in body) == (200, True)
        await second.reboot()
        await second.wait_for_fleet()


async def test_a_host_that_comes_later_has_fleet_too() -> None:
    async with Lab(hosts=1) as lab:
        await lab.install_fleet({"agent_ttl": "3s"}, listen_tcp=False)
        host = await lab.add_host()
        assert f'public_ip="{host.address}"' in host.read("/etc/fleet/fleet.conf")
        listens = await host.run("systemctl", "show", "--property=Listen", "fleet.socket")
        assert listens.stdout.strip() == "Listen=/run/fleet.sock (Stream)"
        assert (await host.run("sh", "-c", "command -v fleetctl")).stdout.strip() == "/usr/local/bin/fleetctl"


async def test_fleet_can_be_installed_again_with_other_options() -> None:
    async with Lab(hosts=1, etcd_members=0) as lab:
        await lab.install_fleet(listen_tcp=False)
        await lab.install_fleet({"verbosity": "1"}, listen_tcp=True)
        listens = await lab["h1"].run("systemctl", "show", "--property=Listen", "fleet.socket")
        assert "49153" in listens.stdout
