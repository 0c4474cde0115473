"""The whole daemon in one process: real signals and sockets, a cluster in memory, a scripted host."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleetd.config import Config
from fleetd.configfile import Source
from fleetd.daemon import Daemon, Parts, changed_options, settings
from fleetd.rundir import RunDirectory
from registry.keyvalue.transactions import Delete, Transaction
from registry.memory import MemoryRegistry, MemoryStore
from tests.agent.scripted import Machine, ScriptedHost
from tests.fleetd.test_api_events import listening
from tests.fleetd.world import Client, eventually
from units.file import content_hash

CONF = "etcd_servers=http://a:1\npublic_ip=10.0.0.1\nmetadata=role=web\n"


@dataclass(slots=True)
class Running:
    """A daemon that runs, and how to talk to it."""

    api: Client
    conf: Path
    store: MemoryStore
    machine: Machine
    task: asyncio.Task[None]

    async def machines(self) -> object:
        """What the API lists."""
        return (await self.api.get("/fleet/v1/machines")).json.get("machines")

    async def end(self) -> None:
        """Wait for the end of the daemon."""
        async with asyncio.timeout(10):
            await self.task


@asynccontextmanager
async def daemon(
    tmp_path: Path, store: MemoryStore | None = None, machine: Machine | None = None, *, conf: str = CONF
) -> AsyncIterator[Running]:
    """A daemon whose API answers, from the first moment on. Leaving the context is a crash of it."""
    store, machine = store or MemoryStore(), machine or Machine()
    path = tmp_path / "fleet.conf"
    path.write_text(conf)
    source = Source(path, environment={})
    directory = RunDirectory(tmp_path)
    sock = tmp_path / "fleet.sock"
    sock.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(sock))
        listener.listen()
        registry = MemoryRegistry(store)
        config = (await asyncio.to_thread(source.read)).config
        parts = Parts(source, config, "m1", "v2.0.0", registry, ScriptedHost(machine), directory, [listener])
        task = asyncio.create_task(Daemon(parts).run())
        try:
            yield Running(Client(sock), path, store, machine, task)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def available(running: Running) -> None:
    """Wait until the API is."""
    async with asyncio.timeout(10):
        while True:
            if (await running.api.get("/fleet/v1/machines")).status == 200:
                return


async def submit_unit(running: Running, name: str) -> None:
    """Have a unit started."""
    option = {"section": "Service", "name": "ExecStart", "value": "/bin/sleep 1d"}
    put = await running.api.put(f"/fleet/v1/units/{name}", {"desiredState": "launched", "options": [option]})
    assert put.status == 201


async def start_unit(running: Running) -> None:
    """Start a.service and wait until it is reported."""
    await submit_unit(running, "a.service")
    async with asyncio.timeout(10):
        while True:
            state = (await running.api.get("/fleet/v1/state/a.service")).json
            if state.get("systemdActiveState") == "active":
                return


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_joins_leads_and_leaves_when_told_to(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, number: signal.Signals
) -> None:
    caplog.set_level("INFO")
    async with daemon(tmp_path) as running:
        await available(running)
        machine = {"id": "m1", "metadata": {"role": "web"}, "primaryIP": "10.0.0.1"}
        assert await running.machines() == [machine]
        await eventually(lambda: "leader" in running.store.dump())
        os.kill(os.getpid(), number)
        await running.end()
        assert not [key for key in running.store.dump() if key.startswith(("machine", "leader"))]
    expected = ["Establishing etcd connectivity", "hrt.Register() success", "Starting server components"]
    said = [message for message in caplog.messages if message in (*expected, "Gracefully shutting down")]
    assert said == [*expected, "Gracefully shutting down"]


async def test_it_counts_what_it_does(tmp_path: Path) -> None:
    async with daemon(tmp_path) as running:
        await available(running)
        await start_unit(running)
        await asyncio.sleep(0.05)  # a start is looked at every 20 ms
        shown = (await running.api.get("/metrics")).body.decode()
    lines = dict(line.rsplit(" ", 1) for line in shown.splitlines() if not line.startswith("#"))
    assert float(lines["fleet_engine_leader_start_time"]) > 1e9
    assert int(lines['fleet_engine_task_count_total{type="attemptscheduleunit"}']) >= 1
    assert int(lines["fleet_engine_reconcile_count_total"]) >= 1
    assert (lines["fleet_available"], lines["fleet_agent_units"]) == ("1", "1")
    assert lines['fleet_agent_task_count_total{type="start"}'] == "1"
    assert lines["fleet_unit_submit_to_start_seconds_count"] == "1"
    assert int(lines['fleet_registry_operation_duration_seconds_count{type="set"}']) >= 1


async def test_who_follows_the_events_is_let_go_when_it_stops(tmp_path: Path) -> None:
    async with daemon(tmp_path) as running:
        await available(running)
        async with listening(tmp_path) as stream:
            assert (await stream.event())[0] == "reset"
            began = asyncio.get_running_loop().time()
            os.kill(os.getpid(), signal.SIGTERM)
            with pytest.raises(EOFError):
                await stream.until("no such event")
            await running.end()
            assert asyncio.get_running_loop().time() - began < 2


async def test_until_it_has_joined_every_request_is_503(tmp_path: Path) -> None:
    store = MemoryStore()
    store.go_away()
    async with daemon(tmp_path, store) as running:
        assert (await running.api.get("/fleet/v1/machines")).status == 503
        os.kill(os.getpid(), signal.SIGTERM)
        await running.end()


async def test_a_lost_lease_is_replaced(tmp_path: Path) -> None:
    async with daemon(tmp_path) as running:
        await available(running)
        running.store.expire("m1")
        await eventually(lambda: any(key.startswith("machine") for key in running.store.dump()))
        await available(running)


async def test_hup_publishes_new_facts_and_keeps_the_listeners(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with daemon(tmp_path) as running:
        await available(running)
        running.conf.write_text(CONF.replace("web", "db") + "token_limit=5\n")
        os.kill(os.getpid(), signal.SIGHUP)
        await eventually(lambda: "published: address 10.0.0.1, metadata {'role': 'db'}" in caplog.messages)
        machine = {"id": "m1", "metadata": {"role": "db"}, "primaryIP": "10.0.0.1"}
        assert await running.machines() == [machine]
    assert f"Reloading configuration from {running.conf}" in caplog.messages
    assert "a new value of token_limit counts after a restart (systemctl restart fleet)" in caplog.messages


async def test_hup_changes_how_many_units_start_at_once(tmp_path: Path) -> None:
    names = ("a.service", "b.service")
    never: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
    machine = Machine(jobs=dict.fromkeys(names, never))
    async with daemon(tmp_path, machine=machine, conf=CONF + "start_concurrency=1\n") as running:
        await available(running)
        for name in names:
            await submit_unit(running, name)
        await eventually(lambda: set(machine.files) == set(names) and bool(machine.starts))
        assert sum(machine.starts.values()) == 1
        running.conf.write_text(CONF + "start_concurrency=2\n")
        os.kill(os.getpid(), signal.SIGHUP)
        await eventually(lambda: sum(machine.starts.values()) == 2)


async def test_hup_with_a_broken_file_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with daemon(tmp_path) as running:
        await available(running)
        running.conf.write_text("metadata\n")
        os.kill(os.getpid(), signal.SIGHUP)
        await eventually(lambda: "the configuration stays as it was: iniparser: syntax error" in caplog.text)
        assert (await running.api.get("/fleet/v1/machines")).status == 200


async def test_a_host_whose_record_was_removed_by_hand_is_present_again_and_its_units_run_on(
    tmp_path: Path,
) -> None:
    async with daemon(tmp_path) as running:
        await available(running)
        await start_unit(running)
        record = Delete(running.store.keys.machine("m1"))
        await running.store.commit(Transaction((), (record,)))
        await eventually(lambda: "machine/m1" in running.store.dump())
        await available(running)
        assert running.machine.starts == {"a.service": 1}
        assert running.machine.active["a.service"] == "active"


async def test_usr1_prints_what_the_daemon_holds_as_fleet_1_0_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with daemon(tmp_path) as running:
        await available(running)
        await start_unit(running)
        os.kill(os.getpid(), signal.SIGUSR1)
        printed = ""

        def has_printed() -> bool:
            nonlocal printed
            printed += capsys.readouterr().out
            return bool(printed)

        await eventually(has_printed)
    assert "Dumping server state" in caplog.messages
    hash = content_hash("[Service]\nExecStart=/bin/sleep 1d\n")
    assert printed == (
        '{"Agent":{"Cache":{"TargetStates":{"a.service":"launched"}}},'
        '"UnitStatePublisher":{"Cache":{"a.service":{"LoadState":"loaded","ActiveState":"active",'
        f'"SubState":"running","MachineID":"m1","UnitHash":"{hash}","UnitName":""}}}},'
        '"ToPublish":{}},"UnitStateGenerator":{"Subscribed":["a.service"]}}\n'
    )


async def test_a_unit_runs_survives_a_crash_of_the_daemon_and_moves_away_when_that_is_stopped(
    tmp_path: Path,
) -> None:
    async with daemon(tmp_path) as first:
        await available(first)
        await start_unit(first)
        store, machine = first.store, first.machine
        shown = (await first.api.get("/fleet/v1/units/a.service")).json
        assert (shown["currentState"], shown["machineID"]) == ("launched", "m1")
    async with daemon(tmp_path, store, machine) as second:
        await available(second)
        assert (await second.api.get("/fleet/v1/state/a.service")).json["systemdActiveState"] == "active"
        assert machine.starts["a.service"] == 1
        os.kill(os.getpid(), signal.SIGTERM)
        await second.end()
    assert machine.files == {}
    assert [key for key in store.dump() if key.startswith(("machine", "state", "leader"))] == []


async def test_an_engine_that_is_disabled_never_leads(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with daemon(tmp_path, conf=CONF + "disable_engine=true\n") as running:
        await available(running)
        assert "Not starting engine; disable-engine is set" in caplog.messages
        assert "leader" not in running.store.dump()


def test_the_settings_of_the_registry_are_those_of_the_configuration() -> None:
    config = Config(
        etcd_servers=("http://a:1",), etcd_key_prefix="/x", etcd_request_timeout=2.0, etcd_username="u"
    )
    made = settings(config)
    assert (made.servers, made.prefix, made.request_timeout) == (("http://a:1",), "/x", 2.0)
    assert (made.username, made.api_version) == ("u", 3)


def test_no_limit_on_requests_is_a_long_one() -> None:
    assert settings(Config(etcd_request_timeout=0.0)).request_timeout == 60.0


def test_options_that_differ() -> None:
    assert changed_options(Config(), Config()) == frozenset()
    assert changed_options(Config(), Config(verbosity=1, token_limit=3)) == {"verbosity", "token_limit"}
