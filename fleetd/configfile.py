"""Where the configuration comes from: the file and the environment, read here and nowhere else."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fleetd.config import Reading, resolve
from fleetd.inifile import ConfigError

log = logging.getLogger(__name__)

DEFAULT = Path("/etc/fleet/fleet.conf")


@dataclass(frozen=True, slots=True)
class Source:
    """The file that was named on the command line, if one was, and the environment of the daemon."""

    given: Path | None = None
    default: Path = DEFAULT
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def read(self) -> Reading:
        """Read the configuration and say from where. Raises ConfigError."""
        if self.given is not None:
            _check_given(self.given)
            log.info("Using provided config file %s", self.given)
            return self._resolved(self.given)
        if self.default.exists():
            log.info("Using default config file %s", self.default)
            return self._resolved(self.default)
        log.info("No provided or default config file found - proceeding without")
        return resolve(None, "", self.environment)

    def _resolved(self, path: Path) -> Reading:
        return resolve(_text(path), str(path), self.environment)


def say(reading: Reading) -> None:
    """Log what the owner of a configuration should hear about it."""
    for message in reading.errors:
        log.error("%s", message)
    for message in reading.warnings:
        log.warning("%s", message)


def _check_given(path: Path) -> None:
    if not path.exists():
        raise ConfigError(f"Unable to use config file {path}: stat {path}: no such file or directory")
    if path.is_dir():
        raise ConfigError(f"Provided config {path} is a directory, not a file")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}:{line}: this line is not UTF-8") from None
    except OSError as error:
        raise ConfigError(f"Unable to use config file {path}: {error.strerror}") from error
