"""The composition root: here all that is concrete is chosen, and every long-lived task is named.

Rule 1: one TaskGroup holds them all; what escapes one of them ends the daemon, and systemd restarts it.
"""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path

from agent.host import Host
from agent.local import LocalHost
from agent.loop import Agent
from engine.loop import run as run_engine
from fleetd import logs
from fleetd.api.app import App, Gate
from fleetd.api.pictures import Pictures
from fleetd.api.server import serving
from fleetd.api.services import Services
from fleetd.api.starts import Starts
from fleetd.config import Config
from fleetd.configfile import Source, say
from fleetd.dump import dumped
from fleetd.facts import Facts
from fleetd.inifile import ConfigError
from fleetd.membership import Departure, Membership, Work
from fleetd.metrics import Metrics
from fleetd.notify import Notifier
from fleetd.observed import EnginesRegistry, Lead, ObservedRegistry, observed_host
from fleetd.ownunit import is_being_restarted
from fleetd.rundir import RunDirectory
from fleetd.status import Condition, Status, line
from registry.health import health
from registry.open import Settings, open_registry
from registry.port import Registry, Session
from units.machine import Machine

log = logging.getLogger(__name__)

NO_LIMIT = 60.0
"""What `etcd_request_timeout=0` means, in seconds: a call that never ended would never be repaired."""
API_PATIENCE = 2
"""How many times `etcd_request_timeout` a client of the API waits for the registry before it gets a 500.

fleet 1.0 gave up after one; twice as long outlives most elections of etcd.
"""
RELOADABLE = frozenset({"metadata", "public_ip", "start_concurrency", "verbosity"})


@dataclass(frozen=True, slots=True)
class Parts:
    """What the daemon is made of, and who it is."""

    source: Source
    config: Config
    machine_id: str
    version: str
    registry: Registry
    host: Host
    directory: RunDirectory
    listeners: Sequence[socket.socket]
    notifier: Notifier = field(default_factory=Notifier)
    watchdog: float | None = None
    """The seconds within which systemd wants a sign of life, if it does."""
    state: Path | None = None
    """Where what the engine has decided last is kept; None: beside what is lost with a reboot."""


def settings(config: Config) -> Settings:
    """How the configuration says to reach the registry."""
    return Settings(
        servers=config.etcd_servers,
        prefix=config.etcd_key_prefix,
        request_timeout=config.etcd_request_timeout or NO_LIMIT,
        username=config.etcd_username,
        password=config.etcd_password,
        ca_file=config.etcd_cafile,
        cert_file=config.etcd_certfile,
        key_file=config.etcd_keyfile,
        api_version=config.etcd_api,
        discovery_srv=config.etcd_discovery_srv,
    )


def registry(config: Config) -> Registry:
    """The registry of the configuration; it connects when it is first used. Raises BadSettings."""
    return open_registry(settings(config))


def host(config: Config, directory: RunDirectory) -> Host:
    """This host and its systemd."""
    units = Path(config.units_directory)
    return LocalHost.at(units, directory.path / "memory", user=config.systemd_user)


async def run(parts: Parts) -> None:
    """Be the daemon until a signal ends it."""
    try:
        await Daemon(parts).run()
    finally:
        await parts.registry.close()


class Daemon:
    """One fleetd, from its start to its departure."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._config = parts.config
        self._facts = Facts(parts.machine_id, parts.version, parts.config)
        self._gate = Gate()
        self._metrics = Metrics()
        self._leading = Lead()
        self._registry = ObservedRegistry(parts.registry, self._metrics, self._leading)
        limit = API_PATIENCE * (parts.config.etcd_request_timeout or NO_LIMIT)
        self._api_registry = ObservedRegistry(parts.registry, self._metrics, self._leading, limit=limit)
        self._pictures = Pictures(self._registry, limit=limit)
        self._starts = Starts(self._pictures, self._metrics.submit_to_start)
        self._status = Status(parts.notifier, self._condition, watchdog=parts.watchdog)
        self._gate.on_change = self._leading.on_change = self._status.changed
        self._handing_over = False
        self._show_gauges()
        self._agent = Agent(
            self._registry,
            observed_host(parts.host, self._metrics),
            parts.machine_id,
            start_concurrency=parts.config.start_concurrency or None,
        )
        self._membership = Membership(
            self._registry,
            self._facts,
            parts.directory,
            self._agent,
            [*self._engines(), self._facts.keep_published],
            gate=self._gate,
            ttl=parts.config.agent_ttl,
        )

    async def run(self) -> None:
        """Serve until a signal says to stop, and depart."""
        parts = self._parts
        app = App(self._services(), self._gate)
        async with serving(app, parts.listeners, version=parts.version), asyncio.TaskGroup() as group:
            # While a session lasts, the membership adds the agent, the engine and the facts.
            tasks = (self._pictures.run(), self._starts.run(), self._obey_signals(), self._status.run())
            others = [group.create_task(task) for task in tasks]
            await self._membership.run()
            for task in others:
                task.cancel()

    async def _obey_signals(self) -> None:
        """Carry out what each signal asks, one after the other. Never returns."""
        actions: Mapping[signal.Signals, Callable[[], Awaitable[None]]] = {
            signal.SIGTERM: self._stop,
            signal.SIGINT: self._stop,
            signal.SIGHUP: self._reload,
            signal.SIGUSR1: self._dump,
        }
        arrived: asyncio.Queue[signal.Signals] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        for number in actions:
            loop.add_signal_handler(number, arrived.put_nowait, number)
        try:
            while True:
                await actions[await arrived.get()]()
        finally:
            for number in actions:
                loop.remove_signal_handler(number)

    async def _stop(self) -> None:
        log.info("Gracefully shutting down")
        host = self._parts.host
        job_type = host.job_type if isinstance(host, LocalHost) else None
        returning = await is_being_restarted(job_type, user=self._config.systemd_user)
        self._handing_over = not returning
        self._parts.notifier.stopping("being restarted, units keep running" if returning else "leaving")
        self._status.tell()
        self._membership.depart(Departure.BACK_SOON if returning else Departure.FOR_GOOD)

    async def _reload(self) -> None:
        """Take over what can change while running; a configuration with errors changes nothing."""
        log.info("Reloading configuration from %s", self._parts.source.given or "")
        self._parts.notifier.reloading()
        try:
            await self._take_new_configuration()
        finally:
            self._parts.notifier.ready(line(self._condition()))

    async def _take_new_configuration(self) -> None:
        try:
            reading = await asyncio.to_thread(self._parts.source.read)
        except ConfigError as error:
            log.error("the configuration stays as it was: %s", error)
            return
        say(reading)
        for name in changed_options(self._config, reading.config) - RELOADABLE:
            log.warning("a new value of %s counts after a restart (systemctl restart fleet)", name)
        logs.set_verbosity(reading.config.verbosity)
        self._config = reading.config
        self._facts.reconfigure(reading.config)
        self._agent.set_start_concurrency(reading.config.start_concurrency or None)

    async def _dump(self) -> None:
        log.info("Dumping server state")
        print(await dumped(self._parts.host, self._parts.machine_id), file=sys.stdout, flush=True)

    def _services(self) -> Services:
        config = self._config
        return Services(
            self._api_registry,
            self._pictures,
            config.token_limit,
            self._metrics,
            self._gate,
            config.units_limit,
            partial(health, settings(config)),
            self._starts.note,
        )

    def _condition(self) -> Condition:
        units = len(self._parts.host.remembered())
        return Condition(self._leading.now, units, self._gate.why_shut(), self._handing_over)

    def _show_gauges(self) -> None:
        show, host = self._metrics.show, self._parts.host
        show("fleet_engine_leader", "Whether this daemon leads.", lambda: {(): float(self._leading.now)})
        show("fleet_available", "Whether this daemon is joined.", lambda: {(): float(self._gate.open)})
        show("fleet_agent_units", "Units on this host.", lambda: {(): float(len(host.remembered()))})

    def _engines(self) -> list[Work]:
        """The engine, unless this daemon shall never lead."""
        if self._config.disable_engine:
            log.info("Not starting engine; disable-engine is set")
            return []
        return [self._lead]

    async def _lead(self, session: Session, machine: Machine) -> None:
        config = self._config
        await run_engine(
            EnginesRegistry(self._parts.registry, self._metrics, self._leading),
            machine.id,
            interval=config.engine_reconcile_interval,
            grace=config.agent_ttl,
            keep=(self._parts.state or self._parts.directory.path) / "moments",
        )


def changed_options(old: Config, new: Config) -> frozenset[str]:
    """The names of the options that differ."""
    names = (option.name for option in fields(Config))
    return frozenset(name for name in names if getattr(old, name) != getattr(new, name))
