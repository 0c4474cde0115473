"""Drop-ins that come with a unit, on systemd: the system's and a user's."""

import asyncio
from pathlib import Path

import pytest

from agent.dropindir import SYSTEM_PATH
from agent.errors import Unwritable
from agent.host import Present, Stage
from agent.unitdir import TAMPERED
from tests.agent.host_contract import UNIT, becomes, launch
from tests.agent.inside.conftest import SystemdBench, command, show
from units.file import UnitFile, parse_options

pytestmark = pytest.mark.lab

SLEEPS = UnitFile.from_text("[Service]\nType=exec\nExecStart=/bin/sleep 1000\n")
"""Active once its process is its own program, with its own environment."""
USER_PATH = Path("/run/user/0/systemd/user")


@pytest.fixture(params=["system", "user"])
def bench(request: pytest.FixtureRequest) -> SystemdBench:
    if request.param == "user":
        made: SystemdBench = request.getfixturevalue("user_bench")
    else:
        made = request.getfixturevalue("system_bench")
    return made


def carrying(unit: UnitFile = SLEEPS, /, **values: str) -> UnitFile:
    """The unit with a drop-in for each variable of its environment."""
    texts = {f"{name}.conf": f"[Service]\nEnvironment={name}={value}\n" for name, value in values.items()}
    return unit.with_drop_ins({name: parse_options(text) for name, text in texts.items()})


def directory(bench: SystemdBench, name: str = UNIT) -> Path:
    return (USER_PATH if bench.user else SYSTEM_PATH) / f"{name}.d"


async def environment(bench: SystemdBench, name: str = UNIT) -> set[str]:
    """What the process of a unit has been given of what these tests set."""
    await becomes(bench, lambda s: s.active == "active", name)
    pid = await show(name, "MainPID", user=bench.user)
    given = await asyncio.to_thread(Path("/proc", pid, "environ").read_text)
    return {word for word in given.split("\0") if word[:2] in ("A=", "B=")}


async def left_behind(bench: SystemdBench) -> list[str]:
    """What is still there of units of these tests."""

    def found() -> list[str]:
        places = directory(bench).parent.rglob("fleet-test*"), (bench.directory / "units").rglob("*")
        return [str(path) for place in places for path in place]

    return await asyncio.to_thread(found)


async def test_a_drop_in_counts_for_the_process_and_leaves_with_the_unit(bench: SystemdBench) -> None:
    await launch(bench, carrying(A="1", B="2"))
    assert await environment(bench) == {"A=1", "B=2"}
    assert await show(UNIT, "NeedDaemonReload", user=bench.user) == "no"
    await bench.host.unload(UNIT)
    assert await left_behind(bench) == []
    assert (await bench.host.states([UNIT]))[UNIT].load == "not-found"


async def test_a_change_of_nothing_but_a_drop_in_counts(bench: SystemdBench) -> None:
    for file, given in (
        (carrying(A="1"), {"A=1"}),
        (carrying(A="2"), {"A=2"}),
        (carrying(B="2"), {"B=2"}),
        (SLEEPS, set()),
    ):
        await launch(bench, file)
        assert await environment(bench) == given
        await bench.host.unload(UNIT)


async def test_a_change_counts_although_a_running_unit_keeps_the_old_one_loaded(bench: SystemdBench) -> None:
    """NeedDaemonReload says "no" when a `NAME.d` is new: unloading must have made systemd forget the unit."""
    wanting = UnitFile.from_text(f"[Unit]\nWants={UNIT}\n\n[Service]\nExecStart=/bin/sleep 1000\n")
    keeper = "fleet-test-2.service"
    await launch(bench, SLEEPS)
    await bench.host.load(keeper, wanting)
    await bench.host.start(keeper)
    for file, given in (
        (carrying(A="1"), {"A=1"}),
        (carrying(A="2", B="2"), {"A=2", "B=2"}),
        (SLEEPS, set()),
    ):
        await bench.host.unload(UNIT)
        await launch(bench, file)
        assert await environment(bench) == given


async def test_a_restarted_agent_adopts_a_unit_with_its_drop_ins(bench: SystemdBench) -> None:
    file = carrying(A="1")
    await launch(bench, file)
    await becomes(bench, lambda s: s.active == "active")
    before = await show(UNIT, "MainPID", user=bench.user)
    await bench.restart_agent()
    assert await bench.host.present() == {UNIT: Present(file.hash, Stage.LAUNCHED)}
    await bench.host.load(UNIT, file)
    assert await show(UNIT, "MainPID", user=bench.user) == before
    assert await show(UNIT, "NeedDaemonReload", user=bench.user) == "no"


async def test_what_was_tampered_with_while_no_agent_ran_is_other_content(bench: SystemdBench) -> None:
    file = carrying(A="1")
    await launch(bench, file)
    await bench.stop_agent()
    drop_in = directory(bench) / "A.conf"
    await command("sed", "-i", "s/A=1/A=9/", str(drop_in))
    await bench.start_agent()
    assert await bench.host.present() == {UNIT: Present(TAMPERED)}
    await bench.host.unload(UNIT)
    await launch(bench, file)
    assert await environment(bench) == {"A=1"}


async def test_an_administrators_own_drop_in_counts_and_stays(bench: SystemdBench) -> None:
    own = directory(bench) / "override.conf"
    own.parent.mkdir(parents=True)
    own.write_text("[Service]\nEnvironment=B=mine\n")
    try:
        await launch(bench, carrying(A="1"))
        assert await environment(bench) == {"A=1", "B=mine"}
        await bench.host.unload(UNIT)
        assert await left_behind(bench) == [str(own.parent)]
        assert [path.name for path in own.parent.iterdir()] == ["override.conf"]
        own.rename(own.with_name("A.conf"))
        with pytest.raises(Unwritable, match=r"A\.conf: a drop-in that is not fleet's is there already"):
            await bench.host.load(UNIT, carrying(A="1"))
        assert await bench.host.present() == {}
        assert (await bench.host.states([UNIT]))[UNIT].load == "not-found"
    finally:
        await command("rm", "-r", str(own.parent))


async def test_an_instance_and_a_socket_have_theirs(bench: SystemdBench) -> None:
    instance, socket = "fleet-test@1.service", "fleet-test.socket"
    await bench.host.load(instance, carrying(A="%i"))
    await bench.host.start(instance)
    assert await environment(bench, instance) == {"A=1"}
    where = parse_options("[Socket]\nListenStream=/run/fleet-test-2.sock\n")
    file = UnitFile.from_text("[Socket]\nListenStream=/run/fleet-test-1.sock\n").with_drop_ins(
        {"x.conf": where}
    )
    await bench.host.load(UNIT, SLEEPS)
    await bench.host.load(socket, file)
    await (await bench.host.start(socket))
    assert "/run/fleet-test-2.sock" in await show(socket, "Listen", user=bench.user)
    for name in (instance, socket, UNIT):
        await bench.host.unload(name)
    assert await left_behind(bench) == []


async def test_a_limit_of_a_drop_in_is_the_kernels(system_bench: SystemdBench) -> None:
    limits = parse_options("[Service]\nLimitNOFILE=77\nMemoryMax=50M\n")
    await launch(system_bench, SLEEPS.with_drop_ins({"10-limits.conf": limits}))
    await becomes(system_bench, lambda s: s.active == "active")
    pid = await show(UNIT, "MainPID")
    said = await asyncio.to_thread(Path("/proc", pid, "limits").read_text)
    (files,) = [line.split()[3:5] for line in said.splitlines() if line.startswith("Max open files")]
    assert files == ["77", "77"]
    assert await show(UNIT, "MemoryMax") == str(50 << 20)
