"""migrate: from etcd v2 to etcd v3, both real, in one server."""

import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fleetctl.migration import CannotMigrate, migrate
from registry.open import Settings, open_registry
from registry.port import Displace, Everything, Place, Registry
from registry.records import Job, Leader, Picture, ScheduleEntry
from tests.fleetctl.conftest import Shell
from tests.ports import free_port
from tests.registry.members import ETCD, Cluster
from units.file import UnitFile
from units.requirements import Requirements
from units.state import TargetState

M1, M2 = "1" * 32, "2" * 32
SLEEP = UnitFile.from_text("[Service]\nExecStart=/bin/sleep infinity\n")
TRUE = UnitFile.from_text("[Service]\nExecStart=/bin/true\n")
GLOBAL = UnitFile.from_text("[Service]\nExecStart=/bin/true\n\n[X-Fleet]\nGlobal=true\n")
LAUNCHED = TargetState.LAUNCHED


@pytest.fixture(scope="module")
def etcd() -> Iterator[Cluster]:
    if ETCD is None:
        pytest.skip("etcd is not installed")
    with Cluster(options=("--enable-v2",)) as cluster:
        yield cluster


@pytest.fixture
def old(etcd: Cluster) -> Settings:
    return Settings(servers=etcd.urls, prefix=f"/t/{uuid.uuid4().hex}/", api_version=2, request_timeout=2.0)


@pytest.fixture
def new(old: Settings) -> Settings:
    return replace(old, api_version=3)


@pytest.fixture
async def v2(old: Settings) -> AsyncIterator[Registry]:
    registry = open_registry(old)
    yield registry
    await registry.close()


async def submit(registry: Registry, name: str, file: UnitFile, desired: TargetState = LAUNCHED) -> None:
    is_global = Requirements.of(name, file.options).is_global
    await registry.save(Job(name, file.hash, desired, is_global), file, seen=await registry.job(name))


async def place(registry: Registry, name: str, machine: str, *, instead_of: str = "") -> None:
    job = await registry.job(name)
    assert job is not None
    entry = ScheduleEntry(machine, name, job.hash, job.desired)
    async with registry.campaign(Leader("somebody"), ttl=5) as leadership:
        before = [Displace(instead_of, name)] if instead_of else []
        await leadership.commit([*before, Place(entry)])
        await leadership.resign()


async def filled(registry: Registry) -> None:
    await submit(registry, "a.service", SLEEP)
    await submit(registry, "b.service", SLEEP, TargetState.LOADED)
    await submit(registry, "idle.service", TRUE, TargetState.INACTIVE)
    await submit(registry, "all.service", GLOBAL)
    await registry.set_metadata(M1, {"zone": "z", "disk": ""})
    await place(registry, "a.service", M1)
    await place(registry, "b.service", M2)


async def picture(settings: Settings) -> Picture:
    registry = open_registry(settings)
    try:
        async with registry.follow(Everything()) as view:
            return await view.fresh()
    finally:
        await registry.close()


async def test_all_that_is_wanted_and_where_it_runs_is_copied(
    v2: Registry, old: Settings, new: Settings
) -> None:
    await filled(v2)
    found = await migrate(old, new, write=True)
    assert (found.copy.size, found.lost, found.differences) == (7, (), ())
    there, here = await picture(new), await picture(old)
    assert there.jobs == here.jobs
    assert {job.hash for job in there.jobs.values()} == there.files.keys()
    assert {name: set(by) for name, by in there.schedule.items()} == {"a.service": {M1}, "b.service": {M2}}
    assert there.schedule["a.service"][M1].desired is LAUNCHED
    assert there.dynamic == {M1: {"zone": "z", "disk": ""}}
    assert there.leader is None


async def test_it_can_be_run_again_and_writes_only_what_has_changed(
    v2: Registry, old: Settings, new: Settings
) -> None:
    await filled(v2)
    await migrate(old, new, write=True)
    before = (await picture(new)).revision
    assert (await migrate(old, new, write=True)).copy.size == 0
    assert (await picture(new)).revision == before
    await submit(v2, "a.service", TRUE)
    await place(v2, "b.service", M1, instead_of=M2)
    compared = await migrate(old, new, write=False)
    assert compared.differences == (
        "unit a.service is another",
        "unit a.service is scheduled otherwise",
        "unit b.service is scheduled otherwise",
        "unit b.service is scheduled otherwise",
    )
    assert (await migrate(old, new, write=True)).differences == ()
    assert set((await picture(new)).schedule["b.service"]) == {M1}


@pytest.mark.parametrize("version", [2, 3])
async def test_nothing_is_copied_while_an_engine_leads(
    v2: Registry, old: Settings, new: Settings, version: int
) -> None:
    await filled(v2)
    registry = open_registry(replace(old, api_version=version))
    async with registry.campaign(Leader(M1), ttl=5) as leadership:
        with pytest.raises(CannotMigrate, match=f"engine of {M1} leads"):
            await migrate(old, new, write=True)
        await leadership.resign()
    await registry.close()
    assert (await picture(new)).jobs == {}


def test_the_command_copies_verifies_and_says_so(etcd: Cluster, tmp_path: Path) -> None:
    prefix = f"/t/{uuid.uuid4().hex}/"
    env = {"FLEETCTL_ENDPOINT": etcd.urls[0], "FLEETCTL_ETCD_KEY_PREFIX": prefix}
    shell = Shell(tmp_path, env, spawns=True)
    shell.file("a.service")
    shell("--driver=etcd", "--etcd-api=2", "submit", "a")
    dry = shell("migrate", "--to", "etcd3", "--dry-run")
    assert (dry.status, dry.out) == (0, "unit a.service is missing\n")
    assert dry.err == "Would be copied: 1 units, 0 places, metadata of 0 machines\n"
    assert shell("migrate", "--to=etcd3", "--verify").status == 1
    copied = shell("migrate", "--to=etcd3")
    assert (copied.status, copied.out) == (0, "")
    assert copied.err.endswith("Verified: etcd v3 says what etcd v2 does\n")
    listed = shell("--driver=etcd", "--etcd-api=3", "list-unit-files", "--no-legend", "--fields=unit,dstate")
    assert listed.out == "a.service\tinactive\n"


def test_an_etcd_that_does_not_answer_is_named(alone: Shell) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    failed = alone("--endpoint", nowhere, "--request-timeout=0.2", "migrate", "--to=etcd3")
    assert failed.status == 1
    assert failed.err.startswith("Nothing more was copied: etcd")
    assert nowhere.removeprefix("http://") in failed.err


def test_where_to_must_be_said(alone: Shell) -> None:
    assert (alone("migrate").status, alone("migrate", "--to=etcd4").status) == (1, 64)
