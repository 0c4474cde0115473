"""--driver=etcd: the same commands on a real etcd, in both of its versions, without any daemon."""

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fleetctl.settings import Settings as CommandSettings
from fleetctl.store import store_settings
from registry.open import Settings, open_registry
from registry.port import Explain
from registry.records import Leader, Report, RuledOut, Verdict
from tests.fleetctl.conftest import SIMPLE, Shell
from tests.fleetctl.small_cluster import M1
from tests.registry.members import ETCD, Cluster
from units.machine import Machine


@pytest.fixture(scope="module")
def etcd() -> Iterator[Cluster]:
    if ETCD is None:
        pytest.skip("etcd is not installed")
    with Cluster(options=("--enable-v2",)) as cluster:
        yield cluster


@pytest.fixture(params=[3, 2], ids=["v3", "v2"])
def settings(etcd: Cluster, request: pytest.FixtureRequest) -> Settings:
    return Settings(servers=etcd.urls, prefix=f"/t/{uuid.uuid4().hex}/", api_version=request.param)


@pytest.fixture
def direct(settings: Settings, tmp_path: Path) -> Shell:
    """fleetctl, told in the environment to use etcd."""
    env = {
        "FLEETCTL_DRIVER": "etcd",
        "FLEETCTL_ENDPOINT": ",".join(settings.servers),
        "FLEETCTL_ETCD_KEY_PREFIX": settings.prefix,
        "FLEETCTL_ETCD_API": str(settings.api_version),
    }
    return Shell(tmp_path, env)


def test_units_are_submitted_started_listed_and_destroyed_without_a_daemon(direct: Shell) -> None:
    direct.file("a.service")
    direct.file("all.service", SIMPLE + "[X-Fleet]\nGlobal=true\n")
    assert direct("submit", "a", "all").out == "Unit a.service inactive\nUnit all.service \n"
    assert direct("cat", "a").out == SIMPLE
    assert direct("start", "--no-block", "a").out == "Triggered unit a.service start\n" * 2
    listed = direct("list-unit-files", "--no-legend", "--fields=unit,dstate,global,target")
    assert listed.out == "a.service\tlaunched\tfalse\t-\nall.service\tinactive\ttrue\tglobal\n"
    assert direct("destroy", "--no-block", "a*").out == "Destroyed a.service\nDestroyed all.service\n"
    assert direct("cat", "a").err == "Unit a.service not found\n"


async def test_machines_and_states_are_those_in_the_registry(direct: Shell, settings: Settings) -> None:
    direct.file("all.service", SIMPLE + "[X-Fleet]\nGlobal=true\n")
    await asyncio.to_thread(direct, "start", "all")
    registry = open_registry(settings)
    machine = Machine(M1, "198.18.0.1", {"zone": "a"}, version="99.0.0")
    async with registry.join(machine, ttl=5) as session:
        job = await registry.job("all.service")
        assert job is not None
        said = Report(M1, "all.service", job.hash, "loaded", "active", "running", True, 1.0)
        await session.report([said], [])
        machines = await asyncio.to_thread(direct, "list-machines", "--no-legend")
        assert "version of fleet found in the cluster (99.0.0)" in machines.err
        assert machines.out == "11111111...\t198.18.0.1\tzone=a\n"
        units = await asyncio.to_thread(direct, "list-units", "--no-legend")
        assert units.out == "all.service\t11111111.../198.18.0.1\tactive\trunning\n"
        await session.leave()
    await registry.close()


def test_a_cluster_of_1_0_is_found_by_scripts_that_know_of_no_version(
    direct: Shell, settings: Settings
) -> None:
    direct.file("a.service")
    direct("submit", "a")
    direct("backup", "kept.json")
    del direct.env["FLEETCTL_ETCD_API"]
    rows = ("list-unit-files", "--no-legend", "--fields=unit")
    assert (direct(*rows).out, direct(*rows).err) == ("a.service\n", "")
    other = "2" if settings.api_version == 3 else "3"
    assert direct(*rows, f"--etcd-api={other}").out == ""
    direct.file("b.service")
    direct("submit", "b")
    assert direct(*rows, f"--etcd-api={settings.api_version}").out == "a.service\nb.service\n"
    direct("destroy", "--no-block", "a", "b")
    direct("submit", "--etcd-api=2", "b")
    direct("restore", "kept.json")
    assert direct(*rows, "--etcd-api=3").out == "a.service\n"
    assert direct(*rows, "--etcd-api=2").out == "b.service\n"


def test_what_only_a_planner_knows_is_refused(direct: Shell) -> None:
    direct.file("a.service")
    direct("submit", "a")
    assert "with --driver=etcd there is no planner" in direct("plan", "stop", "a").err


async def test_why_a_unit_has_no_place_is_read_from_the_registry(direct: Shell, settings: Settings) -> None:
    direct.file("a.service", SIMPLE + "[X-Fleet]\nMachineMetadata=disk=ssd\n")
    await asyncio.to_thread(direct, "start", "--no-block", "a")
    registry = open_registry(settings)
    async with (
        registry.join(Machine(M1, "198.18.0.1"), ttl=5) as session,
        registry.campaign(Leader(M1), ttl=5) as lead,
    ):
        ruled_out = RuledOut("MachineMetadata", 1, (M1,), "local Machine metadata insufficient")
        verdict = Verdict("a.service", "no machine of 1 can run it: too small", 1, (ruled_out,))
        await lead.commit([Explain("a.service", verdict)])
        said = await asyncio.to_thread(direct, "why", "a")
        await session.leave()
    await registry.close()
    assert "a.service: to be launched, waits: no machine of 1 can run it: too small\n" in said.out
    assert "MachineMetadata: rules out 1 of 1 machines (11111111.../198.18.0.1)\n" in said.out
    assert said.status == 2


def test_the_cluster_is_checked_without_a_daemon(direct: Shell) -> None:
    ran = direct("doctor")
    assert ran.out.startswith("engine: nobody leads: no unit is placed or moved (")
    assert ran.status == 1


def test_a_backup_is_brought_back_without_a_daemon(direct: Shell) -> None:
    direct.file("a.service")
    direct("start", "--no-block", "a")
    assert direct("backup", "kept.json").status == 0
    direct("destroy", "--no-block", "a")
    assert direct("restore", "kept.json").status == 0
    assert direct("list-unit-files", "--no-legend", "--fields=unit,dstate").out == "a.service\tlaunched\n"


@pytest.mark.parametrize("version", ["3", "2"])
def test_an_etcd_that_is_not_there_is_named_within_the_request_timeout(alone: Shell, version: str) -> None:
    words = ("--driver=etcd", "--endpoint=http://127.0.0.1:1", f"--etcd-api={version}")
    ran = alone(*words, "--request-timeout=0.5", "list-units")
    log, said = ran.err.splitlines()
    assert "error attempting to check latest fleet version in Registry: etcd at " in log
    assert said.startswith("Error retrieving list of units from repository: etcd at 127.0.0.1:1: ")
    assert ran.status == 1


def test_without_the_experimental_api_the_old_port_of_etcd_is_tried_as_well() -> None:
    with ExitStack() as ways:
        usual = store_settings(CommandSettings(), version=2, ways=ways)
        old = store_settings(CommandSettings(experimental_api=False), version=2, ways=ways)
    assert usual.servers == ("http://127.0.0.1:2379",)
    assert old.servers == ("http://127.0.0.1:2379", "http://127.0.0.1:4001")
