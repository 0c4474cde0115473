"""`fleetd`: read the command line and the configuration, put the daemon together, run it."""

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from fleetd import commandline, logs, notls, presence, sockets
from fleetd.config import Config
from fleetd.configfile import Source, say
from fleetd.inifile import BadValue, ConfigError
from fleetd.notify import Notifier, forget_line, watchdog_period
from fleetd.rundir import AlreadyRunning, RunDirectory
from fleetd.version import version

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Be the program `fleetd`."""
    program = sys.argv[0]
    match commandline.parse(sys.argv[1:] if arguments is None else arguments, program):
        case commandline.Version():
            print(f"fleetd version {version()}")
            sys.exit(0)
        case commandline.Usage(status, complaint):
            if complaint:
                print(complaint, file=sys.stderr)
            print(commandline.USAGE.format(program=program), end="", file=sys.stderr)
            sys.exit(status)
        case commandline.Replay(path):
            sys.exit(_replay(Path(path)))
        case commandline.Run(config):
            logs.begin(os.environ)
            sys.exit(_be_daemon(Source(Path(config) if config else None)))


def _replay(path: Path) -> int:
    """Plan a recorded moment again, on the terminal; returns the exit status."""
    from engine.replay import replay
    from engine.saved import NotSaved

    try:
        print(replay(path), end="")
    except (OSError, NotSaved) as error:
        print(f"cannot replay: {error}", file=sys.stderr)
        return 1
    return 0


def _be_daemon(source: Source) -> int:
    """Run the daemon to its end; returns the exit status."""
    log.info("Starting fleetd version %s", version())
    try:
        reading = source.read()
    except BadValue as error:
        log.critical("Failed creating Server: %s", error)
        return 1
    except ConfigError as error:
        log.critical("%s", error)
        return 1
    logs.set_verbosity(reading.config.verbosity)
    say(reading)
    directory = RunDirectory.of(user=reading.config.systemd_user)
    try:
        with directory.locked():
            return _serve(source, reading.config, directory)
    except (AlreadyRunning, OSError) as error:
        log.critical("Failed creating Server: %s", error)
        return 1


def _serve(source: Source, config: Config, directory: RunDirectory) -> int:
    if not notls.needs_tls(config):
        notls.forget_tls()
    # Most of the time of a start goes into these imports: `fleetd --version` does without.
    import asyncio

    from fleetd import daemon
    from registry.open import BadSettings

    try:
        parts = daemon.Parts(
            source,
            config,
            presence.machine_id(),
            version(),
            daemon.registry(config),
            daemon.host(config, directory),
            directory,
            sockets.listeners(sockets.passed(os.environ, os.getpid())),
            Notifier.of(os.environ),
            watchdog_period(os.environ, os.getpid()),
            Path(kept) if (kept := os.environ.get("STATE_DIRECTORY")) else None,
        )
        forget_line(os.environ)
    except (BadSettings, presence.NoMachineID) as error:
        log.critical("Failed creating Server: %s", error)
        return 1
    try:
        asyncio.run(daemon.run(parts))
    except Exception:
        log.critical("an error that nobody expected ends this daemon", exc_info=True)
        return 1
    return 0


if __name__ == "__main__":
    main()
