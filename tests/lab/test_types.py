"""Every type of unit that fleet schedules, up and down each step on a real host; nothing stays behind."""

from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio

from fleetlab import wait_until
from tests.lab.cluster import QUICK, SLEEP, Cluster, cluster

pytestmark = [pytest.mark.lab, pytest.mark.asyncio(loop_scope="module")]

SOCKET = "[Socket]\nListenStream=/run/t-%p.sock\n"
TIMER = "[Timer]\nOnActiveSec=1h\n"
PATH = "[Path]\nPathExists=/run/no-such-file\n"
TARGET = "[Unit]\nDescription=a target\n"
MOUNT = "[Mount]\nWhat=tmpfs\nWhere=/srv/t\nType=tmpfs\n"
TYPES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "t.service": (SLEEP, {}),
    "t.socket": (SOCKET, {"t.service": SLEEP}),
    "t.timer": (TIMER, {"t.service": SLEEP}),
    "t.path": (PATH, {"t.service": SLEEP}),
    "t.target": (TARGET, {}),
    "t.slice": ("[Slice]\nMemoryMax=100M\n", {}),
    "srv-t.mount": (MOUNT, {}),
    "srv-t.automount": ("[Automount]\nWhere=/srv/t\n", {"srv-t.mount": MOUNT}),
}
"""Each unit with its text, and with those it works on."""
TEMPLATES = {
    "t@.service": SLEEP,
    "t@.socket": SOCKET,
    "t@.timer": TIMER,
    "t@.path": PATH,
    "t@.target": TARGET,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def one_host() -> AsyncIterator[Cluster]:
    """A single host, so that units which belong together meet."""
    async with cluster("types", hosts=1, config={**QUICK, "agent_ttl": "60s"}) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def c(one_host: Cluster) -> AsyncIterator[Cluster]:
    """The cluster, empty again after each test."""
    yield one_host
    files = (await one_host.fleetctl("list-unit-files", "--no-legend", "--fields=unit")).stdout.split()
    if files:
        await one_host.fleetctl("destroy", *files)
    await one_host["h1"].run("sh", "-c", "rm -f /root/*t*")


def written(c: Cluster, files: Mapping[str, str]) -> list[str]:
    """Write the files; returns their paths."""
    c.write(files)
    return [f"/root/{name}" for name in files]


async def properties(c: Cluster, name: str) -> dict[str, str]:
    """What systemd says of the unit."""
    wanted = "LoadState,ActiveState,UnitFileState,FragmentPath"
    shown = await c["h1"].run("systemctl", "show", "-p", wanted, name)
    return dict(line.split("=", 1) for line in shown.stdout.splitlines())


async def shown(c: Cluster, name: str) -> str | None:
    """The state that the cluster shows, None when it shows none."""
    said = await c.api(f"state?unitName={name.replace('@', '%40')}")
    states = said.get("states", [])
    assert isinstance(states, list)
    return next((str(state["systemdActiveState"]) for state in states), None)


async def shows(c: Cluster, name: str, state: str | None) -> None:
    async def there() -> bool:
        return await shown(c, name) == state

    await wait_until(there, 60, f"{name} to be shown as {state}")


async def leaves_nothing(c: Cluster, name: str) -> None:
    """Wait until neither systemd nor a directory knows anything of the unit."""
    links = f"find /run/fleet/units /run/systemd/system -name '{name}*' -o -xtype l -lname '/run/fleet/*'"
    # systemd makes up a slice, and a device, of any name whenever it is asked for one.
    unknown = "loaded" if name.endswith((".slice", ".device")) else "not-found"

    async def gone() -> bool:
        said = await properties(c, name)
        left = (await c["h1"].run("sh", "-c", links)).stdout
        return (said["LoadState"], said["ActiveState"], said["FragmentPath"], left) == (
            unknown,
            "inactive",
            "",
            "",
        )

    await wait_until(gone, 60, f"no trace of {name}")


@pytest.mark.parametrize("name", TYPES)
async def test_each_step_does_what_it_says(c: Cluster, name: str) -> None:
    text, companions = TYPES[name]
    if companions:
        await c.fleetctl("load", *written(c, companions))
    (path,) = written(c, {name: text})

    await c.fleetctl("submit", path)
    assert (await c.fleetctl("cat", name)).stdout == text
    assert (await properties(c, name))["FragmentPath"] == ""

    await c.fleetctl("load", name)
    await shows(c, name, "inactive")
    said = await properties(c, name)
    assert (said["LoadState"], said["ActiveState"], said["UnitFileState"]) == (
        "loaded",
        "inactive",
        "linked-runtime",
    )

    await c.fleetctl("start", name)
    await shows(c, name, "active")
    assert (await properties(c, name))["ActiveState"] == "active"

    await c.fleetctl("stop", name)
    await shows(c, name, "inactive")
    assert (await properties(c, name))["ActiveState"] == "inactive"

    await c.fleetctl("unload", name)
    await shows(c, name, None)
    await leaves_nothing(c, name)

    await c.fleetctl("start", name)
    await shows(c, name, "active")
    await c.fleetctl("destroy", name)
    await shows(c, name, None)
    await leaves_nothing(c, name)


@pytest.mark.parametrize("in_cluster", [False, True], ids=["here", "in the cluster"])
async def test_every_type_that_may_has_instances_of_its_template(c: Cluster, in_cluster: bool) -> None:
    templates = written(c, TEMPLATES)
    if in_cluster:
        await c.fleetctl("submit", *templates)
        await c["h1"].run("rm", *templates)
    service, *others = (path.replace("@", "@1") for path in templates)
    await c.fleetctl("load", service)
    await c.fleetctl("start", *others)
    names = [path.removeprefix("/root/") for path in (service, *others)]
    assert {name: await shown(c, name) for name in names} == {
        name: "inactive" if name == "t@1.service" else "active" for name in names
    }
    await c.fleetctl("destroy", *names)
    for name in names:
        await leaves_nothing(c, name)


async def test_a_socket_starts_its_service_an_automount_its_mount_a_path_what_it_waits_for(
    c: Cluster,
) -> None:
    h1 = c["h1"]
    await c.fleetctl("load", *written(c, {"t.service": SLEEP, "srv-t.mount": MOUNT, "p.service": SLEEP}))
    waits = "[Path]\nPathExists=/run/t-now\n"
    await c.fleetctl("start", *written(c, {"t.socket": SOCKET, TYPE: AUTOMOUNT, "p.path": waits}))
    states = {"t.service": "inactive", "srv-t.mount": "inactive", "p.service": "inactive"}
    assert {name: await shown(c, name) for name in states} == states
    await h1.run(
        "sh", "-c", "touch /run/t-now; ls /srv/t; curl -m 1 --unix-socket /run/t-t.sock http://t; true"
    )
    for name in states:
        await shows(c, name, "active")
    await h1.run("rm", "/run/t-now")
    everything = ["t.socket", TYPE, "p.path", *states]
    await c.fleetctl("destroy", *everything)
    for name in everything:
        await leaves_nothing(c, name)


TYPE, AUTOMOUNT = "srv-t.automount", "[Automount]\nWhere=/srv/t\n"


async def test_a_service_runs_in_a_slice_of_fleets(c: Cluster) -> None:
    files = {"t.slice": "[Slice]\nTasksMax=33\n", "t.service": f"{SLEEP}Slice=t.slice\n"}
    await c.fleetctl("start", *written(c, files))
    group = await c["h1"].run("systemctl", "show", "-P", "ControlGroup", "t.service")
    assert group.stdout == "/t.slice/t.service\n"
    assert (await c["h1"].run("systemctl", "show", "-P", "TasksMax", "t.slice")).stdout == "33\n"
    await c.fleetctl("destroy", "t.service", "t.slice")
    await leaves_nothing(c, "t.service")
    await leaves_nothing(c, "t.slice")


IMPOSSIBLE = {
    "var-t.swap": (
        "[Swap]\nWhat=/var/t\n",
        "'unsupported'",
    ),  # systemd has no swap where it runs in a container
    "t.device": (TARGET, "'unsupported'"),
    "t.scope": (f"{TARGET}\n[Scope]\nTasksMax=9\n", "t.scope"),
    "t.busname": (TARGET, "not a valid unit name"),
    "t.snapshot": (TARGET, "not a valid unit name"),
}
"""Types that the names of 1.0 allow, and that this systemd cannot run: what it says of them."""


@pytest.mark.parametrize("name", IMPOSSIBLE)
async def test_what_systemd_cannot_run_fails_with_its_reason_and_leaves_nothing(
    c: Cluster, name: str
) -> None:
    text, said = IMPOSSIBLE[name]
    started = await c.fleetctl("start", *written(c, {name: text}), check=False)
    assert started.exit_code == 1
    assert f"unit {name} failed on" in started.stderr
    assert said in await c.lab.etcd.ctl("get", "--prefix", "/_coreos.com/fleet/state/", "--print-value-only")
    await c.fleetctl("destroy", name)
    await shows(c, name, None)
    await leaves_nothing(c, name)
