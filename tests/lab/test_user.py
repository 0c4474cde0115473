"""A whole cluster on the systemd of a user (`systemd_user=true`), drop-ins and all."""

import pytest

from fleetlab import Lab, Result, wait_until
from tests.lab.cluster import JOURNALS, QUICK, SLEEP, Cluster

pytestmark = pytest.mark.lab

SESSION = "[Service]\nEnvironment=XDG_RUNTIME_DIR=/run/user/0\n"
SESSION += "Environment=DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/0/bus\n"
DROP_IN = "[Service]\nType=exec\nEnvironment=LIMIT=of-%u\n"


async def systemctl(c: Cluster, *words: str) -> Result:
    """Ask the systemd of the user."""
    whose = ("env", "XDG_RUNTIME_DIR=/run/user/0")
    return await c["h1"].run(*whose, "systemctl", "--user", *words, check=False)


async def pid(c: Cluster) -> str:
    return (await systemctl(c, "show", "-P", "MainPID", "a.service")).stdout.strip()


async def test_units_run_under_the_systemd_of_a_user_and_leave_it_clean() -> None:
    async with Lab(hosts=1) as lab:
        await lab.install_fleet({**QUICK, "agent_ttl": "60s", "systemd_user": "true"})
        c, h1 = Cluster(lab), lab["h1"]
        h1.write("/etc/systemd/system/fleet.service.d/session.conf", SESSION)
        await h1.run("systemctl", "daemon-reload")
        await h1.run("systemctl", "start", "user@0.service")
        await lab.start_fleet()
        try:
            await h1.wait_for_fleet(30)
            await comes_and_goes(c)
        finally:
            await lab.collect_journals(JOURNALS / "user")


async def comes_and_goes(c: Cluster) -> None:
    """A unit is started, kept over a restart of fleetd, stopped, started again and destroyed."""
    install = "\n[Install]\nWantedBy=default.target\n"
    c.write({"a.service": SLEEP + install, "a.service.d/10-limit.conf": DROP_IN})
    await c.fleetctl("start", "/root/a.service")
    assert (await systemctl(c, "is-active", "a.service")).stdout == "active\n"
    assert (await systemctl(c, "is-enabled", "a.service")).stdout == "enabled-runtime\n"
    assert await c.running("a.service") == {"a.service": []}, "the system's own systemd knows nothing of it"
    before = await pid(c)
    environ = await c["h1"].run("cat", f"/proc/{before}/environ")
    assert "LIMIT=of-root" in environ.stdout.split("\0")

    await c["h1"].run("systemctl", "restart", "fleet.service")
    await c["h1"].wait_for_fleet(30)
    assert await pid(c) == before

    await c.fleetctl("stop", "a")
    assert (await systemctl(c, "is-active", "a.service")).stdout == "inactive\n"
    await c.fleetctl("start", "a")
    assert (await systemctl(c, "is-active", "a.service")).stdout == "active\n"
    await c.fleetctl("destroy", "a")
    find = "find /run/user/0/systemd /run/fleet /run/systemd/system -name 'a.service*'"

    async def gone() -> bool:
        return (await c["h1"].run("sh", "-c", find)).stdout == ""

    await wait_until(gone, 60, "no trace of the unit")
    assert "not-found" in (await systemctl(c, "show", "-P", "LoadState", "a.service")).stdout
