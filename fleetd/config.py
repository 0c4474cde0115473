"""What the daemon can be told: every option once, and how file and environment become a Config.

Rule 1: the environment (`FLEET_` + the name in upper case) wins over the file, the file over the default.
Rule 2: nothing here reads a file or the environment; `fleetd.configfile` does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, TypeVar

from fleetd import inifile
from fleetd.inifile import BadValue, ConfigError, Setting
from fleetd.values import (
    BOOL,
    COUNT,
    INTEGER,
    METADATA,
    PAGE_SIZE,
    SECONDS,
    SECONDS_OR_NEVER,
    SERVERS,
    STRING,
    TTL,
    Kind,
    choice,
)

T = TypeVar("T")

ENVIRONMENT_PREFIX = "FLEET_"


def _option(kind: Kind[T], default: T, doc: str) -> T:
    return field(default_factory=lambda: default, metadata={"kind": kind, "doc": doc})


@dataclass(frozen=True, slots=True)
class Config:
    """The options of fleet 1.0 under their old names, and a few of our own. Times are in seconds."""

    verbosity: int = _option(INTEGER, 0, "above 0: debug messages")
    etcd_servers: tuple[str, ...] = _option(
        SERVERS, ("http://127.0.0.1:2379", "http://127.0.0.1:4001"), "etcd client URLs; all are used"
    )
    etcd_discovery_srv: str = _option(
        STRING, "", "domain whose DNS names the etcd servers, in place of etcd_servers"
    )
    etcd_api: int = _option(choice(2, 3), 3, "version of the etcd API: 3, or 2 as fleet 1.0 used it")
    etcd_username: str = _option(STRING, "", "user to etcd, if not empty")
    etcd_password: str = _option(STRING, "", "its password")
    etcd_keyfile: str = _option(STRING, "", "client key, PEM")
    etcd_certfile: str = _option(STRING, "", "client certificate, PEM")
    etcd_cafile: str = _option(STRING, "", "certificate authority, PEM")
    etcd_key_prefix: str = _option(STRING, "/_coreos.com/fleet/", "where fleet's keys live")
    etcd_request_timeout: float = _option(SECONDS_OR_NEVER, 1.0, "how long one server may take to answer")
    engine_reconcile_interval: float = _option(SECONDS, 2.0, "between the engine's passes")
    public_ip: str = _option(STRING, "", "address to publish; empty: detected")
    metadata: Mapping[str, str] = _option(METADATA, MappingProxyType({}), "what this machine is like")
    agent_ttl: float = _option(TTL, 30.0, "how long this machine counts as present after its last word")
    units_directory: str = _option(STRING, "/run/fleet/units/", "where unit files are written")
    systemd_user: bool = _option(BOOL, False, "talk to the user's systemd instead of the system's")
    token_limit: int = _option(PAGE_SIZE, 100, "entries per page of the API, cut to 16 bits")
    start_concurrency: int = _option(COUNT, 0, "how many units start at once on this host; 0: by its cores")
    units_limit: int = _option(COUNT, 0, "how many units the cluster may have; 0: any number")
    enable_grpc: bool = _option(BOOL, False, "accepted for fleet 1.0; without effect")
    disable_engine: bool = _option(BOOL, False, "this daemon never leads")
    disable_watches: bool = _option(BOOL, False, "accepted for fleet 1.0; without effect")
    verify_units: bool = _option(BOOL, False, "no longer supported")
    authorized_keys_file: str = _option(STRING, "", "no longer supported")


_FIELDS: dict[str, Field[Any]] = {option.name: option for option in fields(Config)}
OPTIONS: Mapping[str, str] = {name: option.metadata["doc"] for name, option in _FIELDS.items()}
"""Every option with what it means."""

_DEPRECATED = ("verify_units", "authorized_keys_file")


@dataclass(frozen=True, slots=True)
class Reading:
    """A valid configuration, and what its owner should hear about it."""

    config: Config
    errors: tuple[str, ...]
    """Options that have no effect any more, in the words of 1.0."""
    warnings: tuple[str, ...]


def resolve(text: str | None, path: str, environment: Mapping[str, str]) -> Reading:
    """The configuration that a file's text (None: no file) and an environment make. Raises ConfigError."""
    document = inifile.read(text, path) if text is not None else inifile.Document({}, ())
    from_environment, strangers = _from_environment(environment)
    settings = {key: setting for key, setting in document.settings.items() if key in _FIELDS}
    settings |= from_environment
    values = {key: _value(setting) for key, setting in settings.items()}
    unknown = (setting for key, setting in document.settings.items() if key not in _FIELDS)
    warnings = (
        *document.ignored,
        *map(_unknown, unknown),
        *strangers,
        *_doubts(settings.values()),
    )
    return Reading(_checked(Config(**values)), _deprecated(values), warnings)


def _from_environment(environment: Mapping[str, str]) -> tuple[dict[str, Setting], list[str]]:
    """What the environment sets, and warnings about names in it that are nearly those of options."""
    settings: dict[str, Setting] = {}
    strangers: list[str] = []
    for variable, value in sorted(environment.items()):
        key = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
        if variable == ENVIRONMENT_PREFIX + key.upper() and key in _FIELDS:
            settings[key] = Setting(key, value, "environment")
        elif variable.upper().startswith(ENVIRONMENT_PREFIX) and (near := _nearest(variable[6:])):
            strangers.append(
                f"environment: {variable} is not known (did you mean {ENVIRONMENT_PREFIX}{near.upper()}?)"
            )
    return settings, strangers


def _value(setting: Setting) -> Any:
    kind: Kind[Any] = _FIELDS[setting.key].metadata["kind"]
    try:
        return kind.read(setting.value)
    except ValueError as error:
        where = f'{setting.place}: {setting.key} = "{setting.value}"'
        if str(error).startswith("time: "):  # fleet 1.0's own words, which come first
            raise BadValue(f"{error} ({where}: expected {kind.accepts})") from None
        cause = f"{error}; " if str(error) else ""
        raise BadValue(f"{where}: {cause}expected {kind.accepts}") from None


def _doubts(settings: Iterable[Setting]) -> list[str]:
    return [
        f"{setting.place}: {setting.key}: ignored: {doubt}"
        for setting in settings
        for doubt in _FIELDS[setting.key].metadata["kind"].doubts(setting.value)
    ]


def _unknown(setting: Setting) -> str:
    near = _nearest(setting.key)
    hint = f" (did you mean {near}?)" if near else ""
    return f"{setting.place}: {setting.key} is no option of fleetd: ignored{hint}"


def _nearest(key: str) -> str | None:
    return next(iter(get_close_matches(key.lower().replace("-", "_"), _FIELDS, n=1, cutoff=0.75)), None)


def _deprecated(values: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        f"Config option {name} is no longer supported - ignoring" for name in _DEPRECATED if values.get(name)
    )


def _checked(config: Config) -> Config:
    """The same configuration, unless its options contradict each other. Raises ConfigError."""
    if bool(config.etcd_certfile) != bool(config.etcd_keyfile):
        raise ConfigError("etcd_certfile and etcd_keyfile go together: only one of them is set")
    return config
